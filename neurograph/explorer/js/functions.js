// What a neuron computes: activation(reduce over live slots of combine(weight, source) + bias).
// The same functions as neurograph/functions; Python's numbers are the oracle.

export const COMBINE = {
  multiply: (w, x) => w * x,
  squared_difference: (w, x) => (x - w) * (x - w),
};

// name -> [what nothing reduces to, two terms reduced]
export const REDUCE = {
  sum: [0, (a, b) => a + b],
  product: [1, (a, b) => a * b],
  max: [-Infinity, Math.max],
  min: [Infinity, Math.min],
};

const sigmoid = (a) => 0.5 * (Math.tanh(0.5 * a) + 1);
const softplus = (a) => Math.max(a, 0) + Math.log1p(Math.exp(-Math.abs(a)));
const clip = (a, low, high) => Math.min(Math.max(a, low), high);
const expm1 = (a) => Math.expm1(Math.min(a, 0));

// 2 / sqrt(pi) exp(-x^2) sum 2^n x^(2n+1) / (2n+1)!!: every term has the sign of x, none cancels.
function erf(x) {
  if (!(Math.abs(x) < 6)) return Number.isNaN(x) ? x : Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

// To the nearest whole number, halves to the even one.
function rint(a) {
  const down = Math.floor(a);
  const rest = a - down;
  if (rest < 0.5) return down;
  return rest > 0.5 || down % 2 !== 0 ? down + 1 : down;
}

function geluTanh(a) {
  const line = Math.sqrt(2 / Math.PI) * (a + 0.044715 * a ** 3);
  return 0.5 * a * (1 + Math.tanh(line));
}

const softShrink = (a, edge) => Math.sign(a) * Math.max(Math.abs(a) - edge, 0);

export const ACTIVATION = {
  identity: (a) => a,
  sigmoid,
  tanh: Math.tanh,
  scaled_tanh: (a, scale, slope) => scale * Math.tanh(slope * a),
  relu: (a) => Math.max(a, 0),
  relu6: (a) => clip(a, 0, 6),
  leaky_relu: (a, slope) => (a > 0 ? a : slope * a),
  elu: (a, alpha) => (a > 0 ? a : alpha * expm1(a)),
  softplus,
  softsign: (a) => a / (1 + Math.abs(a)),
  silu: (a) => a * sigmoid(a),
  gelu: (a) => a * (1 + erf(a * Math.sqrt(0.5))) * 0.5,
  hardtanh: clip,
  hardsigmoid: (a, slope, shift) => clip(slope * a + shift, 0, 1),
  hardswish: (a) => a * clip(a / 6 + 0.5, 0, 1),
  exp: Math.exp,
  square: (a) => a * a,
  selu: (a, alpha, scale) => scale * (a > 0 ? a : alpha * expm1(a)),
  celu: (a, alpha) => (a > 0 ? a : alpha * Math.expm1(Math.min(a, 0) / alpha)),
  mish: (a) => a * Math.tanh(softplus(a)),
  swish: (a, beta) => a * sigmoid(beta * a),
  gelu_tanh: geluTanh,
  log_sigmoid: (a) => -softplus(-a),
  soft_shrink: softShrink,
  hard_shrink: (a, edge) => (Math.abs(a) <= edge ? 0 : a),
  tanh_shrink: (a) => a - Math.tanh(a),
  threshold: (a, edge, value) => (a <= edge ? value : a),
  clip,
  at_least: Math.max,
  at_most: Math.min,
  sqrt: Math.sqrt,
  rsqrt: (a) => 1 / Math.sqrt(a),
  reciprocal: (a) => 1 / a,
  power: Math.pow,
  log: Math.log,
  log1p: Math.log1p,
  expm1: Math.expm1,
  abs: Math.abs,
  sign: Math.sign,
  step: (a) => (a > 0 ? 1 : a <= 0 ? 0 : NaN),
  floor: Math.floor,
  ceil: Math.ceil,
  round: rint,
  erf,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
};

// Return a function of the net input alone.
export function activationOf({ activation, parameters }) {
  const found = ACTIVATION[activation];
  if (!found) throw new Error(`the activation ${activation} is unknown`);
  if (!parameters.length) return (a) => found(a);
  const [p, q] = parameters;
  return parameters.length === 1 ? (a) => found(a, p) : (a) => found(a, p, q);
}
