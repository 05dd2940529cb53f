// Ink on paper as the states of an input. As MNIST was made, a digit is fitted into 20 of 28 rows
// and columns, and moved so that its centre of mass is in the middle.

const SEEN = 60; // of 255: fainter is paper

// The box of the ink in a picture of bytes, four a point; null if there is none.
function inkBox(data, width, height) {
  const box = { left: width, top: height, right: -1, bottom: -1 };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (data[4 * (width * y + x)] <= SEEN) continue;
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x);
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y);
    }
  }
  return box.right < 0 ? null : box;
}

function massCentre(data, columns, rows) {
  let mass = 0;
  let x = 0;
  let y = 0;
  for (let i = 0; i < rows * columns; i++) {
    mass += data[4 * i];
    x += data[4 * i] * (i % columns);
    y += data[4 * i] * Math.floor(i / columns);
  }
  return mass ? [x / mass, y / mass] : [(columns - 1) / 2, (rows - 1) / 2];
}

function small(columns, rows) {
  const context = new OffscreenCanvas(columns, rows).getContext("2d", { willReadFrequently: true });
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  return context;
}

function fitted(pad, box, columns, rows) {
  const side = Math.min(columns, rows);
  const room = side >= 28 && side <= 32 ? 20 : side * 20 / 28;
  const width = box.right - box.left + 1;
  const height = box.bottom - box.top + 1;
  const factor = room / Math.max(width, height);
  const context = small(columns, rows);
  const draw = (dx, dy) => {
    context.fillStyle = "#000";
    context.fillRect(0, 0, columns, rows);
    context.drawImage(pad, box.left, box.top, width, height,
      (columns - width * factor) / 2 + dx, (rows - height * factor) / 2 + dy,
      width * factor, height * factor);
    return context.getImageData(0, 0, columns, rows).data;
  };
  const [x, y] = massCentre(draw(0, 0), columns, rows);
  return draw(Math.round((columns - 1) / 2 - x), Math.round((rows - 1) / 2 - y));
}

// The pad's picture at the input's size: bytes, four a point.
export function inked(pad, columns, rows, centre) {
  const context = small(columns, rows);
  if (centre) {
    const data = pad.getContext("2d").getImageData(0, 0, pad.width, pad.height).data;
    const box = inkBox(data, pad.width, pad.height);
    if (box) return fitted(pad, box, columns, rows);
  }
  context.drawImage(pad, 0, 0, columns, rows);
  return context.getImageData(0, 0, columns, rows).data;
}

// Bytes as states between paper and ink: one map grey, three maps colours.
export function asStates(data, maps, size, [paper, ink]) {
  const values = new Float64Array(maps * size);
  for (let map = 0; map < maps; map++) {
    for (let i = 0; i < size; i++) {
      const [r, g, b] = [data[4 * i], data[4 * i + 1], data[4 * i + 2]];
      const byte = maps === 3 ? data[4 * i + map] : Math.round(0.299 * r + 0.587 * g + 0.114 * b);
      values[map * size + i] = paper + (ink - paper) * byte / 255;
    }
  }
  return values;
}

// And back: states as a picture, clipped to the range.
export function asPicture(values, maps, rows, columns, [paper, ink]) {
  const picture = new ImageData(columns, rows);
  const size = rows * columns;
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < 3; k++) {
      const value = values[(maps === 3 ? k : 0) * size + i];
      picture.data[4 * i + k] = 255 * (value - paper) / (ink - paper || 1);
    }
    picture.data[4 * i + 3] = 255;
  }
  return picture;
}
