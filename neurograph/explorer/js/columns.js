// Columns of ids and rows of ids: looked up the other way round.

// Return {ptr, places}: id i stands at places[ptr[i]] to places[ptr[i + 1] - 1]. A counting sort.
export function inverted(ids, count) {
  const ptr = new Int32Array(count + 1);
  for (let p = 0; p < ids.length; p++) if (ids[p] >= 0) ptr[ids[p] + 1]++;
  for (let i = 0; i < count; i++) ptr[i + 1] += ptr[i];
  const next = ptr.slice(0, count);
  const places = new Int32Array(ptr[count]);
  for (let p = 0; p < ids.length; p++) if (ids[p] >= 0) places[next[ids[p]]++] = p;
  return { ptr, places };
}

// Return the row that a place in a ragged array belongs to.
export function rowOf(ptr, place) {
  let low = 0;
  let high = ptr.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (ptr[middle] <= place) low = middle;
    else high = middle;
  }
  // Rows of no slot begin where the next one does: the last that begins here holds the place.
  return low;
}

// Return, per row, whether any of its ids is dead (-1).
export function deadRows({ ptr, ids }) {
  const found = new Uint8Array(ptr.length);
  for (let row = 0; row + 1 < ptr.length; row++) {
    for (let p = ptr[row]; p < ptr[row + 1] && !found[row]; p++) found[row] = ids[p] < 0 ? 1 : 0;
  }
  return found;
}

// Return the ids of a named array, in order, -1 where one is absent.
export function idsOf({ first, ids, shape }) {
  if (ids) return ids;
  const size = shape.reduce((a, b) => a * b, 1);
  return Int32Array.from({ length: size }, (_, at) => first + at);
}
