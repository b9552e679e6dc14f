// Outlines as bits, eight voxels a byte, in a box of the image's grid; and a reader's strokes on them.

export class Mask {
  // `box` is [x0, y0, z0, x1, y1, z1], half open.
  constructor(box, bits) {
    this.box = box;
    this.width = box[3] - box[0];
    this.height = box[4] - box[1];
    this.bits = bits || new Uint8Array(Math.ceil((this.width * this.height * (box[5] - box[2])) / 8));
  }

  static async fetch(base, item) {
    const answer = await fetch(`${base}/masks/${item.id}`);
    if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail || `error ${answer.status}`);
    const unzipped = answer.body.pipeThrough(new DecompressionStream("deflate"));
    const [x0, y0, x1, y1] = item.box;
    return new Mask([x0, y0, item.slices[0], x1, y1, item.slices[1]],
      new Uint8Array(await new Response(unzipped).arrayBuffer()));
  }

  has(i, j, k) {
    const [x0, y0, z0, x1, y1, z1] = this.box;
    if (i < x0 || j < y0 || k < z0 || i >= x1 || j >= y1 || k >= z1) return false;
    const place = ((k - z0) * this.height + (j - y0)) * this.width + (i - x0);
    return (this.bits[place >> 3] & (128 >> (place & 7))) !== 0;
  }

  // The same outline on the whole grid of `shape` (slices, rows, columns), to be drawn on.
  widened([slices, rows, columns]) {
    const whole = new Mask([0, 0, 0, columns, rows, slices]);
    const [x0, y0, z0, x1, y1, z1] = this.box;
    for (let k = z0; k < z1; k++)
      for (let j = y0; j < y1; j++)
        for (let i = x0; i < x1; i++)
          if (this.has(i, j, k)) whole.flip((k * rows + j) * columns + i);
    return whole;
  }

  flip(place) { this.bits[place >> 3] ^= 128 >> (place & 7); }

  // The set voxels' own box with its bits, or null where none is set; this mask is on a whole grid.
  trimmed() {
    const [, , , columns, rows, slices] = this.box;
    const low = [columns, rows, slices], high = [-1, -1, -1];
    for (let byte = 0; byte < this.bits.length; byte++) {
      if (this.bits[byte] === 0) continue;
      for (let bit = 0; bit < 8; bit++) {
        if (!(this.bits[byte] & (128 >> bit))) continue;
        const place = byte * 8 + bit;
        const at = [place % columns, Math.floor(place / columns) % rows, Math.floor(place / (columns * rows))];
        for (let axis = 0; axis < 3; axis++) {
          if (at[axis] < low[axis]) low[axis] = at[axis];
          if (at[axis] > high[axis]) high[axis] = at[axis];
        }
      }
    }
    if (high[0] < 0) return null;
    const part = new Mask([...low, high[0] + 1, high[1] + 1, high[2] + 1]);
    let place = 0;
    for (let k = low[2]; k <= high[2]; k++)
      for (let j = low[1]; j <= high[1]; j++)
        for (let i = low[0]; i <= high[0]; i++, place++) if (this.has(i, j, k)) part.flip(place);
    return part;
  }

  // For each slice across an axis, how many voxels are set: where there is most to see.
  fullest(axis) {
    const counts = new Map();
    const depth = this.bits.length * 8;
    const size = this.width * this.height;
    for (let place = 0; place < depth; place++) {
      if ((place & 7) === 0 && this.bits[place >> 3] === 0) { place += 7; continue; }
      if (!(this.bits[place >> 3] & (128 >> (place & 7)))) continue;
      const at = axis === 2 ? Math.floor(place / size)
        : axis === 1 ? Math.floor(place / this.width) % this.height : place % this.width;
      counts.set(at, (counts.get(at) || 0) + 1);
    }
    let best = 0, most = -1;
    for (const [at, count] of counts) if (count > most || (count === most && at < best)) [best, most] = [at, count];
    return best + this.box[axis];
  }
}

// Strokes on a mask of the whole grid, each of which can be taken back.
export class Strokes {
  constructor(mask) {
    this.mask = mask;
    this.done = [];
    this.undone = [];
    this.current = null;
  }

  begin() { this.current = []; }

  end() {
    if (this.current && this.current.length) {
      this.done.push(Uint32Array.from(this.current));
      this.undone = [];
    }
    this.current = null;
  }

  // Set or clear what lies within `radius` of a place on a slice of a plane, in units of its smaller pixel.
  dab(plane, size, index, column, row, radius, set) {
    const strides = [1, size[0], size[0] * size[1]];
    const unit = Math.min(...plane.pixel);
    const [wide, tall] = plane.pixel.map((length) => length / unit);
    const width = size[plane.right], height = size[plane.down];
    const limit = radius * radius;
    for (let r = Math.max(0, Math.ceil(row - radius / tall)); r <= Math.min(height - 1, row + radius / tall); r++) {
      for (let c = Math.max(0, Math.ceil(column - radius / wide)); c <= Math.min(width - 1, column + radius / wide); c++) {
        if (((c - column) * wide) ** 2 + ((r - row) * tall) ** 2 > limit) continue;
        const line = plane.flipped ? height - 1 - r : r;
        const place = index * strides[plane.across] + line * strides[plane.down] + c * strides[plane.right];
        const is = (this.mask.bits[place >> 3] & (128 >> (place & 7))) !== 0;
        if (is === set) continue;
        this.mask.flip(place);
        this.current.push(place);
      }
    }
  }

  undo() { this.#move(this.done, this.undone); }

  redo() { this.#move(this.undone, this.done); }

  #move(from, to) {
    const stroke = from.pop();
    if (!stroke) return;
    for (const place of stroke) this.mask.flip(place);
    to.push(stroke);
  }
}

// A mask's bits, compressed, as text for JSON.
export async function packed(mask) {
  const zipped = new Blob([mask.bits]).stream().pipeThrough(new CompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(zipped).arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(text);
}
