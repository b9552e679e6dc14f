// One plane of a volume on a canvas: the slice, outlines over it, measurements over those.

const MARK = "#ffd54a";
const EDGE = 4; // pixels from the border of the pane to its letters
const SHARP = 12; // screen pixels to an image pixel above which pixels are shown as squares

// Pixels of a slice's own size, one 32-bit word each, as something that can be drawn at any size.
class Sheet {
  constructor() { this.canvas = document.createElement("canvas"); }

  resize(width, height) {
    [this.canvas.width, this.canvas.height] = [width, height];
    this.brush = this.canvas.getContext("2d");
    this.image = this.brush.createImageData(width, height);
    this.words = new Uint32Array(this.image.data.buffer);
  }

  put() { this.brush.putImageData(this.image, 0, 0); }
}

export class Pane {
  // `viewer` holds what all panes share: volume, shades, layers, marks, place, pointer tool.
  constructor(viewer, element, plane) {
    this.viewer = viewer;
    this.element = element;
    this.canvas = element.querySelector("canvas");
    this.corner = element.querySelector(".corner");
    this.picture = new Sheet();
    this.over = new Sheet();
    this.show(plane);
  }

  show(plane) {
    this.plane = plane;
    this.zoom = 1;
    this.shift = [0, 0];
    const { size } = this.viewer.volume;
    this.width = size[plane.right];
    this.height = size[plane.down];
    this.count = size[plane.across];
    this.picture.resize(this.width, this.height);
    this.over.resize(this.width, this.height);
    this.element.setAttribute("aria-label", `${plane.name} plane`);
  }

  get index() { return this.viewer.place[this.plane.across]; }

  // How image pixels lie on the screen: scales and offset, in CSS pixels.
  layout() {
    const box = { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
    const [wide, tall] = this.plane.pixel;
    const fit = Math.min(box.width / (this.width * wide), box.height / (this.height * tall));
    const sx = fit * wide * this.zoom, sy = fit * tall * this.zoom;
    return {
      sx, sy, box,
      x: (box.width - this.width * sx) / 2 + this.shift[0],
      y: (box.height - this.height * sy) / 2 + this.shift[1],
    };
  }

  // Image coordinates of a place on the canvas: pixel 0 reaches from 0 to 1.
  under(x, y) {
    const at = this.layout();
    return [(x - at.x) / at.sx, (y - at.y) / at.sy];
  }

  // The voxel [i, j, k] of image coordinates; it may lie outside the grid.
  voxel(column, row) {
    const found = [0, 0, 0];
    found[this.plane.across] = this.index;
    found[this.plane.right] = Math.floor(column);
    const line = Math.floor(row);
    found[this.plane.down] = this.plane.flipped ? this.height - 1 - line : line;
    return found;
  }

  // Image coordinates and slice of a point given by voxel centres.
  placed(point) {
    const full = [...point, 0, 0].slice(0, 3);
    const line = full[this.plane.down];
    return [full[this.plane.right] + 0.5, (this.plane.flipped ? this.height - 1 - line : line) + 0.5,
      full[this.plane.across]];
  }

  zoomAt(x, y, factor) {
    const [column, row] = this.under(x, y);
    this.zoom = Math.min(40, Math.max(0.2, this.zoom * factor));
    const at = this.layout();
    this.shift[0] += x - (at.x + column * at.sx);
    this.shift[1] += y - (at.y + row * at.sy);
  }

  draw() {
    const { viewer, canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    const at = this.layout();
    if (!at.box.width || !at.box.height) return;
    const width = Math.round(at.box.width * ratio), height = Math.round(at.box.height * ratio);
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    viewer.volume.paint(this.plane, this.index, viewer.shades, this.picture.words);
    this.picture.put();
    const brush = canvas.getContext("2d");
    brush.setTransform(1, 0, 0, 1, 0, 0);
    brush.fillStyle = "#000";
    brush.fillRect(0, 0, width, height);
    brush.setTransform(ratio, 0, 0, ratio, 0, 0);
    brush.imageSmoothingEnabled = Math.max(at.sx, at.sy) < SHARP;
    brush.imageSmoothingQuality = "high";
    brush.drawImage(this.picture.canvas, at.x, at.y, this.width * at.sx, this.height * at.sy);
    const layers = viewer.overlays ? viewer.layers() : [];
    if (layers.length) {
      this.over.words.fill(0);
      for (const layer of layers) this.#lay(layer);
      this.over.put();
      // An outline ends at a pixel's border, so it is never smoothed.
      brush.imageSmoothingEnabled = false;
      brush.drawImage(this.over.canvas, at.x, at.y, this.width * at.sx, this.height * at.sy);
    }
    this.labels = [];
    if (viewer.overlays) {
      if (viewer.crosshair) this.#crosshair(brush, at);
      for (const mark of viewer.marks()) this.#mark(brush, at, mark);
    }
    if (viewer.ruler && viewer.ruler.pane === this && viewer.ruler.slice === this.index) {
      this.#line(brush, at, viewer.ruler.ends.map((end) => this.placed(end)), viewer.ruler.text, false);
    }
    if (viewer.brushAt && viewer.brushAt.pane === this) this.#brush(brush, at);
    this.#letters(brush, at);
    const text = `${this.plane.name} ${this.index + 1}/${this.count}`;
    if (this.corner.textContent !== text) this.corner.textContent = text;
  }

  // Colour the slice where the layer's mask is set: softly inside, strongly at its edge.
  #lay({ mask, colour, fill, line }) {
    const { across, right, down, flipped } = this.plane;
    const [low, high] = [mask.box.slice(0, 3), mask.box.slice(3)];
    if (this.index < low[across] || this.index >= high[across]) return;
    const strides = [1, mask.width, mask.width * mask.height];
    const base = (this.index - low[across]) * strides[across];
    const wide = high[right] - low[right], tall = high[down] - low[down];
    const set = (c, r) => {
      if (c < 0 || r < 0 || c >= wide || r >= tall) return false;
      const place = base + c * strides[right] + r * strides[down];
      return (mask.bits[place >> 3] & (128 >> (place & 7))) !== 0;
    };
    const word = (share) => ((Math.round(share * 255) << 24) | (colour[2] << 16) | (colour[1] << 8) | colour[0]) >>> 0;
    const [inside, edge] = [word(fill), word(line)];
    for (let r = 0; r < tall; r++) {
      const row = r + low[down];
      let out = (flipped ? this.height - 1 - row : row) * this.width + low[right];
      for (let c = 0; c < wide; c++, out++) {
        if (!set(c, r)) continue;
        const inner = set(c - 1, r) && set(c + 1, r) && set(c, r - 1) && set(c, r + 1);
        if (inner && !fill) continue;
        this.over.words[out] = inner ? inside : edge;
      }
    }
  }

  #crosshair(brush, at) {
    const [column, row] = this.placed(this.viewer.place);
    brush.strokeStyle = "rgba(120, 200, 190, 0.55)";
    brush.lineWidth = 1;
    brush.beginPath();
    brush.moveTo(at.x + column * at.sx, at.y);
    brush.lineTo(at.x + column * at.sx, at.y + this.height * at.sy);
    brush.moveTo(at.x, at.y + row * at.sy);
    brush.lineTo(at.x + this.width * at.sx, at.y + row * at.sy);
    brush.stroke();
  }

  // A measurement or box of evidence, where it lies on this slice.
  #mark(brush, at, mark) {
    if (mark.box) {
      if (this.plane.across !== 2 || this.index < mark.slices[0] || this.index >= mark.slices[1]) return;
      const [x0, y0, x1, y1] = mark.box;
      const corners = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]];
      this.#path(brush, at, corners, false);
      this.#label(brush, at, [x0, y0], mark.text);
      return;
    }
    const ends = mark.points.map((point) => this.placed(point));
    if (ends.length === 1) {
      if (Math.abs(ends[0][2] - this.index) > 0.5) return;
      const [x, y] = [at.x + ends[0][0] * at.sx, at.y + ends[0][1] * at.sy];
      this.#stroke(brush, () => {
        brush.moveTo(x - 6, y); brush.lineTo(x + 6, y); brush.moveTo(x, y - 6); brush.lineTo(x, y + 6);
      });
      this.#label(brush, at, ends[0], mark.text);
    }
    for (let first = 0; first + 1 < ends.length; first += 2) {
      const pair = [ends[first], ends[first + 1]];
      const [near, far] = [Math.min(pair[0][2], pair[1][2]), Math.max(pair[0][2], pair[1][2])];
      if (this.index < near - 0.5 || this.index > far + 0.5) continue;
      // A line that crosses slices is dashed: it lies before and behind this one.
      this.#line(brush, at, pair, first === 0 ? mark.text : "", far - near > 0.5);
    }
  }

  #line(brush, at, ends, text, dashed) {
    this.#path(brush, at, ends, dashed);
    for (const [column, row] of ends) {
      const [x, y] = [at.x + column * at.sx, at.y + row * at.sy];
      this.#stroke(brush, () => brush.arc(x, y, 3, 0, 2 * Math.PI));
    }
    if (text) this.#label(brush, at, ends[0][1] <= ends[1][1] ? ends[0] : ends[1], text);
  }

  #path(brush, at, places, dashed) {
    this.#stroke(brush, () => {
      places.forEach(([column, row], number) => {
        const [x, y] = [at.x + column * at.sx, at.y + row * at.sy];
        if (number) brush.lineTo(x, y); else brush.moveTo(x, y);
      });
    }, dashed);
  }

  #stroke(brush, trace, dashed = false) {
    brush.setLineDash(dashed ? [6, 4] : []);
    for (const [style, width] of [["rgba(0, 0, 0, 0.7)", 3.5], [MARK, 1.5]]) {
      brush.beginPath();
      trace();
      brush.strokeStyle = style;
      brush.lineWidth = width;
      brush.stroke();
    }
    brush.setLineDash([]);
  }

  #label(brush, at, [column, row], whole) {
    // A small pane has room for the id and the figure only.
    const text = at.box.width < 420 ? whole.replace(/^(E\d+) .* (\S+ \S+)$/, "$1 $2") : whole;
    brush.font = "600 12px system-ui, sans-serif";
    const wide = brush.measureText(text).width;
    const x = Math.min(Math.max(4, at.x + column * at.sx + 8), Math.max(4, at.box.width - wide - 8));
    let y = Math.min(Math.max(34, at.y + row * at.sy - 8), at.box.height - 8);
    // Below the labels that are already there.
    const hit = () => this.labels.find((one) => x < one.x + one.wide + 8 && one.x < x + wide + 8 && Math.abs(one.y - y) < 17);
    for (let other = hit(); other && y < at.box.height - 8; other = hit()) y = other.y + 18;
    this.labels.push({ x, y, wide });
    brush.fillStyle = "rgba(0, 0, 0, 0.65)";
    brush.fillRect(x - 3, y - 12, wide + 6, 16);
    brush.fillStyle = MARK;
    brush.textAlign = "left";
    brush.textBaseline = "alphabetic";
    brush.fillText(text, x, y);
  }

  #brush(brush, at) {
    const { column, row } = this.viewer.brushAt;
    const unit = Math.min(...this.plane.pixel);
    brush.beginPath();
    brush.ellipse(at.x + column * at.sx, at.y + row * at.sy,
      (this.viewer.radius * unit / this.plane.pixel[0]) * at.sx,
      (this.viewer.radius * unit / this.plane.pixel[1]) * at.sy, 0, 0, 2 * Math.PI);
    brush.strokeStyle = "#fff";
    brush.lineWidth = 1.25;
    brush.stroke();
  }

  #letters(brush, { box }) {
    const { letters } = this.plane;
    if (!letters) return;
    brush.font = "600 13px system-ui, sans-serif";
    brush.fillStyle = "#e8f0ee";
    brush.strokeStyle = "rgba(0, 0, 0, 0.8)";
    brush.lineWidth = 3;
    const put = (text, x, y, align, base) => {
      [brush.textAlign, brush.textBaseline] = [align, base];
      brush.strokeText(text, x, y);
      brush.fillText(text, x, y);
    };
    put(letters.left, EDGE + 2, box.height / 2, "left", "middle");
    put(letters.right, box.width - EDGE - 2, box.height / 2, "right", "middle");
    put(letters.top, box.width / 2, EDGE, "center", "top");
    put(letters.bottom, box.width / 2, box.height - EDGE, "center", "bottom");
  }
}
