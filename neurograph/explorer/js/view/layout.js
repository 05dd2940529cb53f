// Where every neuron lies: layers are columns of maps, maps are grids of cells, so that finding the
// neuron under a point is arithmetic. Cells grow until the shelves are full in width and height.

const APART = 26; // pixels between two layers, at least: their connections are seen there
const LARGEST = 30; // pixels of a cell
const HIGHEST = 1.7; // how much higher than wide a layer's maps may stand
const SHELF = 150; // pixels of a shelf, at least, where there are more than two
const SHRINK = 0.97; // from one size of cell that is tried to the next

// A vector is a grid too: a square if it may be a picture's pixels, else nearest to 12 rows of 7 in
// its proportions; up to 16 are one column.
export function gridOf(size) {
  if (size <= 16) return [size, 1];
  const side = Math.round(Math.sqrt(size));
  if (side >= 16 && side * side === size) return [side, side];
  const ideal = Math.sqrt(size / 1.7);
  for (const across of [Math.round(ideal), Math.floor(ideal), Math.ceil(ideal)]) {
    if (size % across === 0) return [size / across, across];
  }
  for (let away = 0; away < ideal / 3; away++) {
    for (const across of [Math.round(ideal) - away, Math.round(ideal) + away]) {
      if (across > 1 && size % across === 0) return [size / across, across];
    }
  }
  return [Math.ceil(size / Math.ceil(ideal)), Math.ceil(ideal)];
}

// (maps, rows, columns) of a layer's picture. Maps of one neuron are drawn as one grid.
export function pictured(layer) {
  const shape = layer.shape.length ? layer.shape : [1];
  const columns = shape.at(-1);
  const rows = shape.length > 1 ? shape.at(-2) : 1;
  const maps = layer.size / Math.max(1, rows * columns);
  if (shape.length === 1 || (rows === 1 && columns === 1)) return [1, ...gridOf(layer.size)];
  return [maps, rows, columns];
}

function column(layer, index, largestSize) {
  const [maps, rows, columns] = pictured(layer);
  const boost = Math.min(3, Math.max(1, (largestSize / Math.max(1, layer.size)) ** 0.22));
  const gap = maps > 128 ? 1 : maps > 32 ? 2 : 5; // pixels between two maps
  return { layer, index, maps, rows, columns, boost, gap };
}

// The narrowest arrangement of a layer's maps whose cells are as large as wanted, and which is not
// much higher than wide; a last row that is full is preferred.
function arranged(c, cell, height) {
  const wanted = Math.min(cell * c.boost, LARGEST);
  const pitch = c.rows * wanted + c.gap;
  const square = Math.ceil(Math.sqrt(c.maps * c.columns / c.rows * HIGHEST));
  let down = Math.max(1, Math.min(c.maps, square, Math.floor((height + c.gap) / pitch)));
  const even = [down, down - 1, down - 2].find((n) => n > 0 && c.maps % n === 0);
  if (even) down = even;
  const across = Math.ceil(c.maps / down);
  const fits = Math.min(wanted, (height - (down - 1) * c.gap) / (down * c.rows));
  return { ...c, across, down: Math.ceil(c.maps / across), cell: fits,
    width: Math.max(across * (c.columns * fits + c.gap) - c.gap, 1) };
}

function shelved(columns, cell, width, height, narrowest) {
  const shelves = [[]];
  let used = 0;
  for (const c of columns) {
    const one = arranged(c, cell, height);
    const space = Math.max(one.width, narrowest) + APART;
    if (used + space > width && shelves.at(-1).length) {
      shelves.push([]);
      used = 0;
    }
    shelves.at(-1).push(one);
    used += space;
    if (space > width) return null;
  }
  return shelves;
}

// The largest cell for which the layers need no more than so many shelves.
function largestCell(columns, count, box) {
  const height = box.height / count - box.above - box.below;
  if (height < 20) return null;
  for (let cell = LARGEST; cell > 0.02; cell *= SHRINK) {
    const shelves = shelved(columns, cell, box.width, height, box.narrowest);
    if (shelves && shelves.length <= count) return { shelves, height };
  }
  return null;
}

// The geometric mean of the layers' cells: by it arrangements are compared.
function typicalCell({ shelves }) {
  const cells = shelves.flat().map((c) => Math.log(c.cell));
  return Math.exp(cells.reduce((a, b) => a + b, 0) / cells.length);
}

// Cells of whole device pixels, where they are larger than a few: edges are sharp then.
function snapped(cell, ratio) {
  return cell * ratio >= 2 ? Math.floor(cell * ratio) / ratio : cell;
}

function sized(c, cell, box) {
  c.cell = cell;
  c.mapWidth = c.columns * cell + c.gap;
  c.mapHeight = c.rows * cell + c.gap;
  c.width = c.across * c.mapWidth - c.gap;
  c.height = c.down * c.mapHeight - c.gap;
  c.slot = Math.max(c.width, box.narrowest);
}

// What whole pixels left over is given back, a pixel at a time, to the cells that are smallest for
// their layer.
function grown(shelf, height, box) {
  const step = 1 / box.ratio;
  const room = box.width - APART * shelf.length;
  const larger = (c) => c.slot + c.across * c.columns * step;
  for (;;) {
    const used = shelf.reduce((sum, c) => sum + c.slot, 0);
    const able = shelf.filter((c) => c.cell * box.ratio >= 2 && c.cell + step <= LARGEST
      && c.height + c.down * c.rows * step <= height && used - c.slot + larger(c) <= room);
    if (!able.length) return;
    const least = able.reduce((a, b) => (b.cell / b.boost < a.cell / a.boost ? b : a));
    sized(least, least.cell + step, box);
  }
}

function placed(shelf, top, found, box) {
  for (const c of shelf) sized(c, snapped(c.cell, box.ratio), box);
  grown(shelf, found.height, box);
  const spare = box.width - shelf.reduce((sum, c) => sum + c.slot, 0);
  const between = spare / shelf.length;
  let x = between / 2;
  for (const c of shelf) {
    c.left = x;
    c.x = Math.round(x + (c.slot - c.width) / 2);
    c.y = Math.round(top + box.above + Math.max(0, (found.height - c.height) / 2));
    c.top = top;
    c.bottom = top + box.above + found.height;
    x += c.slot + between;
  }
}

// The height that layers need: shelves of many layers are not made lower than a hand's breadth.
export function heightFor(layers, width, { narrowest, height }) {
  const shelves = Math.ceil(layers.length * (narrowest + APART) / Math.max(1, width));
  return shelves > 2 ? Math.max(height, shelves * SHELF) : height;
}

// box: width, height, above and below (room for captions), narrowest (a column), ratio (device).
export function arrange(layers, box) {
  const largestSize = Math.max(1, ...layers.map((layer) => layer.size));
  const columns = layers.map((layer, i) => column(layer, i, largestSize));
  let best = null;
  for (let count = 1; count <= Math.min(8, layers.length); count++) {
    const found = largestCell(columns, count, box);
    if (found && (best === null || typicalCell(found) > typicalCell(best) * 1.2)) best = found;
  }
  if (best === null) best = { shelves: [columns.map((c) => arranged(c, 1e-3, 1))], height: 20 };
  const pitch = box.height / best.shelves.length;
  best.shelves.forEach((shelf, i) => placed(shelf, i * pitch, best, box));
  return best.shelves.flat();
}

// The corner of the cell at a flat position of its layer.
export function corner(c, at) {
  const size = c.rows * c.columns;
  const map = Math.floor(at / size);
  const rest = at - map * size;
  return [
    c.x + (map % c.across) * c.mapWidth + (rest % c.columns) * c.cell,
    c.y + Math.floor(map / c.across) * c.mapHeight + Math.floor(rest / c.columns) * c.cell,
  ];
}

// The flat position under a point of the picture, with its column; null beside all maps.
export function positionAt(columns, x, y) {
  for (const c of columns) {
    const i = Math.floor((x - c.x) / c.mapWidth);
    const j = Math.floor((y - c.y) / c.mapHeight);
    if (i < 0 || j < 0 || i >= c.across || j >= c.down) continue;
    const across = Math.floor((x - c.x - i * c.mapWidth) / c.cell);
    const down = Math.floor((y - c.y - j * c.mapHeight) / c.cell);
    const map = j * c.across + i;
    if (across >= c.columns || down >= c.rows || map >= c.maps) continue;
    const at = (map * c.rows + down) * c.columns + across;
    if (at < c.layer.size) return [c, at];
  }
  return null;
}
