// Elements, numbers and texts of the page. Text is always a text node: no name can become markup.

const ATTRIBUTES = /^(aria|list$)/; // what is set by name, not as a property

export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name === "style") Object.assign(element.style, value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name in element && !ATTRIBUTES.test(name)) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function press(text, onclick, properties = {}) {
  return make("button", { type: "button", textContent: text, onclick, ...properties });
}

// A name is shown in its own direction: right-to-left characters turn nothing around it.
export function named(text) {
  return make("bdi", { textContent: text });
}

export function labelled(text, control) {
  return make("label", { className: "field" }, make("span", { textContent: text }), control);
}

export function number(x, digits = 4) {
  if (x === null || x === undefined || Number.isNaN(x)) return "–";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  const size = Math.abs(x);
  const plain = size === 0 || (size >= 1e-3 && size < 1e5);
  const text = plain ? x.toFixed(size >= 1000 ? 1 : digits) : x.toExponential(2);
  if (Number(text) === 0) return text.replace("-", "");
  return text.replaceAll("-", "−");
}

export function whole(x) {
  return Number(x).toLocaleString("en-US");
}

// "−1,5" and "1.5" are both what a person writes; NaN if it is no number.
export function parsed(text) {
  const plain = text.trim().replaceAll("−", "-").replaceAll(/[\s\u00a0']/g, "");
  const grouped = /^-?\d{1,3}(,\d{3})+(\.\d*)?$/.test(plain);
  const decimal = grouped ? plain.replaceAll(",", "") : plain.replace(",", ".");
  return decimal === "" ? NaN : Number(decimal);
}

// Every text that is seen stands in texts.json. One that depends on a number n has a key for each
// of Intl.PluralRules' words, behind a dot: one, other, and what else a language needs.
export class Texts {
  constructor(table) {
    this.table = table;
    this.rules = new Intl.PluralRules(table.language || "en");
  }

  get(key, values = {}) {
    const plural = () => this.table[`${key}.${this.rules.select(values.n)}`];
    const text = this.table[key] ?? plural() ?? this.table[`${key}.other`] ?? key;
    return text.replaceAll(/\{(\w+)\}/g, (found, name) => {
      const value = values[name];
      if (value === undefined) return found;
      return typeof value === "number" && Number.isInteger(value) ? whole(value) : String(value);
    });
  }
}

export function row(cells, tag = "td") {
  return make("tr", {}, ...cells.map((cell) => {
    const first = tag === "th" ? { scope: "col" } : {};
    if (cell instanceof Node) return make(tag, first, cell);
    return make(tag, { ...first, textContent: cell });
  }));
}

// A table in a box that scrolls by itself, which keys can reach.
export function tabulated({ caption, head, rows, foot = [], className = "" }) {
  const table = make("table", { className },
    make("caption", { textContent: caption }),
    make("thead", {}, row(head, "th")),
    make("tbody", {}, ...rows),
    foot.length ? make("tfoot", {}, ...foot) : null);
  return make("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": caption },
    table);
}

export function section(title, ...children) {
  return make("section", { className: "part" }, make("h3", { textContent: title }), ...children);
}
