// An image's values in memory: fetched a few slices at a time, nearest to what is looked at first.

const KINDS = { int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, float32: Float32Array };
const CHUNK = 4 << 20; // bytes of one request
const AT_ONCE = 3;

export class Volume {
  // `told` is the image as the server tells it; `changed(first, last)` is called when slices arrive.
  constructor(base, told, changed, failed) {
    Object.assign(this, { base, told, changed, failed });
    [this.depth, this.rows, this.columns] = told.shape;
    this.size = [this.columns, this.rows, this.depth];
    this.plane = this.rows * this.columns * told.channels;
    this.values = new KINDS[told.type](this.plane * this.depth);
    this.whole = told.type !== "float32";
    this.have = new Uint8Array(this.depth); // 0 not here, 1 asked for, 2 here
    this.here = 0;
    this.asked = 0;
    this.near = this.depth >> 1;
    this.step = Math.max(1, Math.min(this.depth, Math.floor(CHUNK / (this.plane * this.values.BYTES_PER_ELEMENT))));
    this.stopped = false;
  }

  get loaded() { return this.here === this.depth; }

  // Fetch what is missing, around slice `k` first.
  load(k = this.near) {
    this.near = k;
    while (!this.stopped && this.asked < AT_ONCE) {
      const first = this.#nearest();
      if (first < 0) return;
      let last = first;
      while (last < this.depth && last - first < this.step && this.have[last] === 0) this.have[last++] = 1;
      this.asked++;
      this.#fetch(first, last);
    }
  }

  stop() { this.stopped = true; }

  #nearest() {
    for (let away = 0; away < this.depth; away++) {
      const above = this.near + away;
      if (above < this.depth && this.have[above] === 0) return above;
      const below = this.near - away;
      if (below >= 0 && this.have[below] === 0) {
        // A request reaches upwards, so it begins as low as the gap does.
        let first = below;
        while (first > 0 && below - first < this.step - 1 && this.have[first - 1] === 0) first--;
        return first;
      }
    }
    return -1;
  }

  async #fetch(first, last) {
    try {
      const answer = await fetch(`${this.base}/pixels/${this.told.id}?first=${first}&last=${last}`);
      if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail || `error ${answer.status}`);
      const part = new KINDS[this.told.type](await answer.arrayBuffer());
      this.values.set(part, first * this.plane);
      this.have.fill(2, first, last);
      this.here += last - first;
    } catch (error) {
      this.have.fill(0, first, last);
      this.stop();
      this.failed(error);
      return;
    } finally {
      this.asked--;
    }
    this.changed(first, last);
    this.load();
  }

  // The calibrated value at a voxel; a list of three for colour; null where it is not here yet.
  at(i, j, k) {
    if (i < 0 || j < 0 || k < 0 || i >= this.columns || j >= this.rows || k >= this.depth || this.have[k] < 2) return null;
    const place = (k * this.rows + j) * this.columns + i;
    if (this.told.channels === 3) return Array.from(this.values.subarray(place * 3, place * 3 + 3));
    return this.values[place] * this.told.slope + this.told.intercept;
  }

  // Fill `pixels` (one 32-bit word a pixel, as canvases keep them) with slice `index` of a plane.
  paint(plane, index, shades, pixels) {
    const { right, down, across, flipped } = plane;
    const strides = [1, this.columns, this.columns * this.rows];
    const width = this.size[right], height = this.size[down];
    const { values, told } = this;
    const colour = told.channels === 3;
    let out = 0;
    for (let row = 0; row < height; row++) {
      const line = flipped ? height - 1 - row : row;
      let from = index * strides[across] + line * strides[down];
      const step = strides[right];
      if (colour) {
        for (let column = 0; column < width; column++, from += step) {
          const at = from * 3;
          pixels[out++] = 0xff000000 | (values[at + 2] << 16) | (values[at + 1] << 8) | values[at];
        }
      } else if (this.whole) {
        const { words } = shades;
        for (let column = 0; column < width; column++, from += step) pixels[out++] = words[values[from] & 0xffff];
      } else {
        const { low, scale, turn } = shades;
        for (let column = 0; column < width; column++, from += step) {
          const grey = Math.min(255, Math.max(0, (values[from] - low) * scale)) ^ turn;
          pixels[out++] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
        }
      }
    }
  }
}

// The grey of every stored value under a window in calibrated values.
export function shadesOf(told, window, inverted) {
  const low = (window.center - window.width / 2 - told.intercept) / told.slope;
  const scale = (255 / window.width) * told.slope;
  const turn = inverted ? 255 : 0;
  if (told.type === "float32" || told.channels === 3) return { low, scale, turn };
  const words = new Uint32Array(65536);
  const signed = told.type.startsWith("int");
  for (let word = 0; word < 65536; word++) {
    const value = signed ? (word << 16) >> 16 : word;
    const grey = Math.min(255, Math.max(0, Math.round((value - low) * scale))) ^ turn;
    words[word] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
  }
  return { words };
}
