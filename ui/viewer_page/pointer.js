// What the pointer does in a pane: mouse, pen, or one or two fingers, by the tool that is chosen.

const WHEEL = 40; // pixels of a turning wheel that make a slice

export class Pointer {
  constructor(viewer) {
    Object.assign(this, { viewer, drag: null, fingers: new Map(), turned: 0 });
  }

  listen(pane) {
    const { viewer } = this;
    const { canvas, element } = pane;
    element.addEventListener("focusin", () => { viewer.active = pane; });
    element.querySelector(".swap").addEventListener("click", () => viewer.enlarge(pane.plane.name));
    pane.slider = element.querySelector(".slice");
    pane.slider.addEventListener("input", () => { viewer.active = pane; viewer.go(pane, Number(pane.slider.value)); });
    canvas.addEventListener("wheel", (event) => this.#wheel(pane, event), { passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("dblclick", (event) => this.#point(pane, event));
    canvas.addEventListener("pointerdown", (event) => this.#down(pane, event));
    canvas.addEventListener("pointermove", (event) => this.#move(pane, event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.#up(event));
    canvas.addEventListener("pointerleave", () => {
      viewer.panel.value("");
      if (viewer.brushAt && !this.drag) { viewer.brushAt = null; viewer.redraw(); }
    });
  }

  #wheel(pane, event) {
    const { viewer } = this;
    event.preventDefault();
    viewer.active = pane;
    if (event.ctrlKey) {
      pane.zoomAt(event.offsetX, event.offsetY, Math.exp(-event.deltaY / 300));
      viewer.redraw();
      return;
    }
    // A wheel turns in notches, a touchpad in small steps that add up to one.
    const delta = event.deltaMode === 0 ? event.deltaY : event.deltaY * WHEEL;
    this.turned += delta;
    const steps = Math.abs(delta) >= WHEEL ? Math.sign(delta) * Math.max(1, Math.round(Math.abs(delta) / 120))
      : Math.trunc(this.turned / WHEEL);
    if (steps) { this.turned = 0; viewer.go(pane, pane.index + steps); }
  }

  #point(pane, event) {
    const { viewer } = this;
    const voxel = pane.voxel(...pane.under(event.offsetX, event.offsetY));
    viewer.place = voxel.map((at, axis) => Math.min(viewer.volume.size[axis] - 1, Math.max(0, at)));
    viewer.crosshair = true;
    viewer.moved();
  }

  #down(pane, event) {
    const { viewer } = this;
    event.preventDefault();
    pane.element.focus({ preventScroll: true });
    pane.canvas.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    if (event.shiftKey) { this.#point(pane, event); return; }
    let tool = { 1: "pan", 2: "zoom" }[event.button] || viewer.tool;
    if (this.fingers.size === 2) { tool = "pinch"; viewer.edit?.strokes.end(); }
    const [column, row] = pane.under(event.offsetX, event.offsetY);
    this.drag = { pane, tool, x: event.offsetX, y: event.offsetY, from: [event.offsetX, event.offsetY], column, row,
      window: viewer.window && { ...viewer.window }, index: pane.index };
    if (tool === "ruler") viewer.ruler = null;
    if (tool === "paint" || tool === "erase") {
      viewer.edit.strokes.begin();
      this.#stroke(pane, column, row);
    }
    viewer.redraw();
  }

  #move(pane, event) {
    const { viewer, drag } = this;
    const [x, y] = [event.offsetX, event.offsetY];
    const [column, row] = pane.under(x, y);
    viewer.panel.value(this.#reading(pane, column, row));
    if (viewer.tool === "paint" || viewer.tool === "erase") { viewer.brushAt = { pane, column, row }; viewer.redraw(pane); }
    if (!drag || drag.pane !== pane) return;
    const [dx, dy] = [x - drag.x, y - drag.y];
    if (drag.tool === "pinch") this.#pinch(pane, event);
    else if (drag.tool === "window" && drag.window) {
      const speed = drag.window.width / 256;
      viewer.window = { name: "own", width: Math.max(speed / 4, drag.window.width + (x - drag.from[0]) * speed),
        center: drag.window.center + (y - drag.from[1]) * speed };
      viewer.shade();
    } else if (drag.tool === "scroll") viewer.go(pane, drag.index + Math.round((y - drag.from[1]) / 6));
    else if (drag.tool === "pan") { pane.shift[0] += dx; pane.shift[1] += dy; }
    else if (drag.tool === "zoom") pane.zoomAt(...drag.from, Math.exp(-dy / 150));
    else if (drag.tool === "ruler") this.#measure(pane, column, row);
    else if (drag.tool === "paint" || drag.tool === "erase") this.#stroke(pane, column, row);
    Object.assign(drag, { x, y });
    viewer.redraw();
  }

  #pinch(pane, event) {
    const before = [...this.fingers.values()];
    this.fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    const after = [...this.fingers.values()];
    if (after.length !== 2) return;
    const apart = ([a, b]) => Math.hypot(a[0] - b[0], a[1] - b[1]);
    const middle = ([a, b]) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    const [was, is] = [middle(before), middle(after)];
    pane.shift[0] += is[0] - was[0];
    pane.shift[1] += is[1] - was[1];
    if (apart(before) > 0) pane.zoomAt(...is, apart(after) / apart(before));
  }

  #up(event) {
    const { viewer } = this;
    this.fingers.delete(event.pointerId);
    if (!this.drag) return;
    viewer.edit?.strokes.end();
    this.drag = null;
    viewer.panel.state();
    viewer.redraw();
  }

  #stroke(pane, column, row) {
    const { viewer, drag } = this;
    const { edit, radius } = viewer;
    // A quick stroke leaves gaps between two events, which are filled.
    const steps = Math.max(1, Math.ceil(Math.hypot(column - drag.column, row - drag.row) / Math.max(1, radius / 2)));
    for (let step = 1; step <= steps; step++) {
      const share = step / steps;
      edit.strokes.dab(pane.plane, viewer.volume.size, pane.index, drag.column + (column - drag.column) * share - 0.5,
        drag.row + (row - drag.row) * share - 0.5, radius, drag.tool === "paint");
    }
    [drag.column, drag.row] = [column, row];
  }

  #measure(pane, column, row) {
    const { viewer } = this;
    const point = (c, r) => {
      const found = [...viewer.place];
      found[pane.plane.right] = c - 0.5;
      found[pane.plane.down] = pane.plane.flipped ? pane.height - 0.5 - r : r - 0.5;
      return found;
    };
    const ends = [point(this.drag.column, this.drag.row), point(column, row)];
    const apart = ends[1].map((at, axis) => at - ends[0][axis]);
    const vector = viewer.image.steps.map((line) => line.reduce((sum, step, axis) => sum + step * apart[axis], 0));
    const length = Math.hypot(...vector);
    viewer.ruler = { pane, ends, slice: pane.index, text: `${length.toFixed(1)} ${viewer.image.length}` };
  }

  #reading(pane, column, row) {
    const { viewer } = this;
    const [i, j, k] = pane.voxel(column, row);
    const value = viewer.volume.at(i, j, k);
    if (value === null) return "";
    const shown = Array.isArray(value) ? `RGB ${value.join(", ")}`
      : `${Number.isInteger(value) ? value : value.toPrecision(4)} ${viewer.image.unit}`.trim();
    const parts = [shown, `x ${i} y ${j}${viewer.volume.depth > 1 ? ` ${viewer.image.frames ? "frame" : "slice"} ${k + 1}` : ""}`];
    if (viewer.image.affine) {
      const at = viewer.image.affine.slice(0, 3).map((line) => line[0] * i + line[1] * j + line[2] * k + line[3]);
      const names = [["R", "L"], ["A", "P"], ["F", "H"]];
      parts.push(`${at.map((mm, axis) => `${names[axis][Number(mm >= 0)]} ${Math.abs(mm).toFixed(0)}`).join(" ")} mm`);
    }
    return parts.join(" · ");
  }
}
