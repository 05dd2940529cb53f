// What is drawn over the maps: the terms of a neuron, its fields, or the uses of a weight.

const LINES = 3000; // drawn at most: more are a veil anyway, and cost time

function middle(cell) {
  return [cell[0] + cell[2] / 2, cell[1] + cell[2] / 2];
}

function filled(context, picture, ids, colour, alpha) {
  context.fillStyle = colour;
  context.globalAlpha = alpha;
  for (const id of ids) {
    const cell = picture.cell(id);
    if (cell) context.fillRect(cell[0], cell[1], Math.max(cell[2], 0.75), Math.max(cell[2], 0.75));
  }
  context.globalAlpha = 1;
}

function outlined(context, picture, ids, colour, width) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.beginPath();
  for (const id of ids) {
    const cell = picture.cell(id);
    if (cell) context.rect(cell[0] - 0.5, cell[1] - 0.5, cell[2] + 1, cell[2] + 1);
  }
  context.stroke();
  context.lineWidth = 1;
}

// The chosen neuron stands out even where its cell is a pixel: a ring around it.
function ringed(context, picture, id, ink) {
  const cell = picture.cell(id);
  if (!cell) return;
  const [x, y] = middle(cell);
  const radius = Math.max(cell[2] * 0.75, 5);
  for (const [colour, width] of [[ink.page, 5], [ink.mark, 2.5]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.stroke();
  }
  context.lineWidth = 1;
}

function uses(context, picture, explorer) {
  const { sources, targets } = explorer.network.uses(explorer.weight);
  const { ink } = explorer.scale;
  const step = Math.max(1, Math.ceil(sources.length / LINES));
  context.strokeStyle = ink.veil;
  context.globalAlpha = Math.max(0.06, Math.min(0.9, 40 / (sources.length / step)));
  context.beginPath();
  for (let i = 0; i < sources.length; i += step) {
    const from = picture.cell(sources[i]);
    const to = picture.cell(targets[i]);
    if (!from || !to) continue;
    context.moveTo(...middle(from));
    context.lineTo(...middle(to));
  }
  context.stroke();
  filled(context, picture, new Set(sources), ink.veil, 0.4);
  filled(context, picture, new Set(targets), ink.veil, 0.4);
}

function terms(context, picture, explorer) {
  const found = explorer.network.terms(explorer.neuron, explorer.states).terms;
  const { ink } = explorer.scale;
  const end = picture.cell(explorer.neuron);
  let top = 1e-300;
  for (const term of found) top = Math.max(top, Math.abs(term.product));
  const step = Math.max(1, Math.ceil(found.length / LINES));
  for (let i = 0; i < found.length; i += step) {
    const from = picture.cell(found[i].source);
    if (!from || !end) continue;
    context.globalAlpha = 0.12 + 0.85 * Math.abs(found[i].product) / top;
    context.strokeStyle = found[i].product >= 0 ? ink.above : ink.below;
    context.beginPath();
    context.moveTo(...middle(from));
    context.lineTo(...middle(end));
    context.stroke();
  }
  context.globalAlpha = 1;
  outlined(context, picture, found.map((term) => term.source), ink.mark, 1);
  const { targets } = explorer.network.outgoing(explorer.neuron);
  outlined(context, picture, new Set(targets), ink.target, 1);
}

// Everything fades but what the neuron sees and what sees it, framed map by map.
function fields(context, picture, explorer) {
  const { ink } = explorer.scale;
  const { network, neuron } = explorer;
  context.globalAlpha = 0.84;
  context.fillStyle = ink.page;
  for (const c of picture.columns) context.fillRect(c.x - 1, c.y - 1, c.width + 2, c.height + 2);
  context.globalAlpha = 1;
  const both = [[network.seen(neuron), ink.mark], [network.fed(neuron), ink.target]];
  for (const [ids, colour] of both) {
    const boxes = new Map();
    for (const id of ids) {
      const cell = picture.cell(id);
      if (!cell) continue;
      const [x, y, size] = cell;
      context.clearRect(x, y, size, size);
      widened(boxes, picture.mapKey(id), [x, y, x + size, y + size]);
    }
    context.strokeStyle = colour;
    context.lineWidth = 1.5;
    for (const [x, y, right, bottom] of boxes.values()) {
      context.strokeRect(x - 1, y - 1, right - x + 2, bottom - y + 2);
    }
  }
  context.lineWidth = 1;
}

function widened(boxes, key, [x, y, right, bottom]) {
  const box = boxes.get(key);
  if (!box) boxes.set(key, [x, y, right, bottom]);
  else {
    box[0] = Math.min(box[0], x);
    box[1] = Math.min(box[1], y);
    box[2] = Math.max(box[2], right);
    box[3] = Math.max(box[3], bottom);
  }
}

export function drawChoice(context, picture, explorer) {
  if (explorer.weight !== null) uses(context, picture, explorer);
  else if (explorer.neuron !== null) {
    if (explorer.view === "fields") fields(context, picture, explorer);
    else terms(context, picture, explorer);
  }
  if (explorer.neuron !== null) ringed(context, picture, explorer.neuron, explorer.scale.ink);
}
