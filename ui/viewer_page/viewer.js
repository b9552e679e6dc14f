// The viewer: what is looked at, and how.

import { bindings } from "./keys.js";
import { Mask, Strokes, packed } from "./mask.js";
import { Pane } from "./pane.js";
import { Panel } from "./panel.js";
import { Pointer } from "./pointer.js";
import { Volume, shadesOf } from "./volume.js";

// Colours that stay apart for the colour-blind (Okabe and Ito), as in the system's own pictures.
const COLOURS = [[86, 180, 233], [230, 159, 0], [0, 158, 115], [240, 228, 66], [204, 121, 167], [213, 94, 0]];
const EDITED = [255, 64, 129];

class Viewer {
  constructor() {
    this.base = location.pathname.replace(/\/+$/, "");
    this.tool = matchMedia("(pointer: coarse)").matches ? "scroll" : "window";
    Object.assign(this, { overlays: true, crosshair: false, inverted: false, opacity: 0.45, radius: 6, panes: [],
      masks: new Map(), hidden: new Set(), stale: new Set(), selected: null, edit: null, ruler: null, brushAt: null });
    const { table, press } = bindings(this);
    document.addEventListener("keydown", press);
    this.panel = new Panel(this, table);
    this.pointer = new Pointer(this);
    addEventListener("hashchange", () => this.jump(location.hash.slice(1)));
    new ResizeObserver(() => this.redraw()).observe(document.querySelector("#panes"));
  }

  async open() {
    const answer = await fetch(`${this.base}/case`);
    if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail || `error ${answer.status}`);
    this.take(await answer.json());
    const query = new URLSearchParams(location.search);
    const wanted = location.hash.slice(1) || query.get("evidence");
    const image = this.item(wanted)?.image || query.get("image") || this.told.images[0]?.id;
    if (!image || !this.told.images.some((one) => one.id === image)) throw new Error("This case has no image to show.");
    this.look(image);
    if (wanted) this.jump(wanted);
  }

  // Hold what the server tells of the case.
  take(told) {
    this.told = told;
    this.items = new Map(told.evidence.map((item) => [item.id, item]));
    this.panel.fill();
  }

  item(id) { return this.items.get(id); }

  colour(id) {
    const masks = this.told.evidence.filter((item) => item.kind === "mask");
    return COLOURS[masks.findIndex((item) => item.id === id) % COLOURS.length];
  }

  // Show an image from its middle.
  look(id) {
    if (this.image?.id === id) return;
    this.escape();
    this.volume?.stop();
    this.image = this.told.images.find((one) => one.id === id);
    try {
      this.volume = new Volume(this.base, this.image, () => this.arrived(), (error) => this.panel.tell(error.message));
    } catch {
      this.panel.tell(`This browser has not enough memory for ${id}.`);
      return;
    }
    this.ruler = null;
    this.centre();
    this.#furnish();
    this.window = this.image.window && { ...this.image.window };
    this.shade();
    this.panel.show();
    this.volume.load(this.place[2]);
    for (const item of this.told.evidence) if (this.visible(item)) this.outline(item);
  }

  centre() { this.place = this.volume.size.map((length) => length >> 1); }

  // One pane for each plane, the first one large.
  #furnish() {
    const holder = document.querySelector("#panes");
    const planes = [...this.image.planes].sort((a, b) => (b.name === this.image.first) - (a.name === this.image.first));
    holder.replaceChildren();
    holder.classList.toggle("single", planes.length === 1);
    this.panes = planes.map((plane) => {
      const element = document.querySelector("#pane").content.firstElementChild.cloneNode(true);
      holder.append(element);
      const pane = new Pane(this, element, plane);
      this.pointer.listen(pane);
      return pane;
    });
    this.active = this.panes[0];
  }

  // ---- what is drawn

  visible(item) {
    return item.kind === "mask" ? item.image === this.image?.id && this.#wanted(item) : false;
  }

  #wanted(item) { return item.stands ? !this.hidden.has(item.id) : this.selected === item.id; }

  // Masks to lay over the slice, the largest first, so that what lies in another is seen. Those that the
  // selected evidence does not speak of are drawn as lines only.
  layers() {
    const { opacity } = this;
    const item = this.item(this.selected);
    const named = item && new Set([item.id, ...item.of].filter((id) => this.item(id)?.kind === "mask"));
    const found = this.told.evidence
      .filter((one) => this.visible(one) && this.masks.get(one.id) instanceof Mask && this.edit?.item !== one)
      .sort((one, other) => other.voxels - one.voxels)
      .map((one) => ({ mask: this.masks.get(one.id), colour: this.colour(one.id),
        fill: named?.size && !named.has(one.id) ? 0 : opacity * 0.7, line: opacity && Math.min(1, 0.4 + opacity) }));
    if (this.edit) found.push({ mask: this.edit.strokes.mask, colour: EDITED, fill: Math.max(0.25, opacity * 0.7), line: 1 });
    return found;
  }

  marks() {
    return this.told.evidence
      .filter((item) => item.image === this.image.id && this.#wanted(item)
        && (item.kind === "region" || (item.kind === "measurement" && item.points.length)))
      .map((item) => ({ ...item, text: item.kind === "region" ? `${item.id} ${item.target}`
        : `${item.id} ${item.name} ${item.text.split(" (")[0]}` }));
  }

  async outline(item) {
    if (this.masks.has(item.id)) return this.masks.get(item.id);
    const fetched = Mask.fetch(this.base, item).then((mask) => {
      this.masks.set(item.id, mask);
      this.redraw();
      return mask;
    });
    this.masks.set(item.id, fetched);
    return fetched.catch((error) => {
      this.masks.delete(item.id);
      this.panel.tell(error.message);
      return null;
    });
  }

  shade() {
    this.shades = shadesOf(this.image, this.window || { center: 128, width: 256 }, this.inverted);
    this.panel?.state();
    this.redraw();
  }

  arrived() {
    this.panel.progress();
    this.redraw();
  }

  // Draw before the next frame: one pane, or all.
  redraw(pane = null) {
    if (!this.volume || !this.panes.length) return;
    if (pane) this.stale.add(pane); else this.panes.forEach((one) => this.stale.add(one));
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      const begun = performance.now();
      for (const one of this.stale) if (this.panes.includes(one)) one.draw();
      this.stale.clear();
      // Read by whoever wants to know how long a change takes.
      document.documentElement.dataset.milliseconds = (performance.now() - begun).toFixed(2);
    });
  }

  // ---- moving about

  go(pane, index) {
    const { across } = pane.plane;
    this.place[across] = Math.min(this.volume.size[across] - 1, Math.max(0, index));
    this.moved(this.crosshair ? null : pane);
  }

  moved(pane = null) {
    for (const one of this.panes) [one.slider.max, one.slider.value] = [one.count - 1, one.index];
    if (!this.volume.loaded) this.volume.load(this.place[2]);
    this.redraw(pane);
  }

  step(count) { this.go(this.active, Math.max(-1e6, Math.min(1e6, this.active.index + count))); }

  // Bring what the evidence shows into view, and tell what it is.
  async jump(id) {
    const item = this.item(id);
    if (!item) return;
    this.selected = id;
    if (item.image && item.image !== this.image?.id) this.look(item.image);
    history.replaceState(null, "", `${location.pathname}${location.search}#${id}`);
    this.panel.select();
    await this.#bring(item, new Set());
    this.redraw();
  }

  async #bring(item, seen) {
    seen.add(item.id);
    const { size } = this.volume;
    if (item.image !== this.image.id) return;
    if (item.kind === "mask") {
      this.hidden.delete(item.id);
      const mask = await this.outline(item);
      if (!mask) return;
      const { across } = this.panes[0].plane;
      const [x0, y0, x1, y1] = item.box;
      this.place = [(x0 + x1) >> 1, (y0 + y1) >> 1, (item.slices[0] + item.slices[1]) >> 1];
      this.place[across] = mask.fullest(across);
    } else if (item.kind === "region") {
      const [x0, y0, x1, y1] = item.box;
      this.place = [(x0 + x1) / 2, (y0 + y1) / 2, (item.slices[0] + item.slices[1] - 1) / 2];
    } else if (item.kind === "measurement" && item.points.length) {
      const last = item.points.slice(0, 2);
      this.place = [0, 1, 2].map((axis) => last.reduce((sum, at) => sum + (at[axis] || 0), 0) / last.length);
      for (const under of item.of) {
        const mask = this.item(under);
        if (mask?.kind === "mask") { this.hidden.delete(under); this.outline(mask); }
      }
    } else {
      const under = (item.of || []).map((one) => this.item(one)).find((one) => one && !seen.has(one.id));
      if (under) await this.#bring(under, seen);
      return;
    }
    this.place = this.place.map((at, axis) => Math.min(size[axis] - 1, Math.max(0, Math.round(at))));
    this.panel.select();
    this.moved();
  }

  next(way) {
    const shown = this.told.evidence.filter((item) => item.stands && item.image);
    const at = shown.findIndex((item) => item.id === this.selected);
    const item = shown[(at + way + shown.length) % shown.length] || shown[0];
    if (item) this.jump(item.id);
  }

  enlarge(name) {
    const at = this.panes.findIndex((pane) => pane.plane.name === name);
    if (at < 0) return;
    const planes = this.panes.map((pane) => pane.plane);
    if (at) {
      [planes[0], planes[at]] = [planes[at], planes[0]];
      this.panes[0].show(planes[0]);
      this.panes[at].show(planes[at]);
      this.ruler = null;
    }
    this.active = this.panes[0];
    this.moved();
  }

  // ---- how it looks

  preset(number) {
    const preset = this.image.presets[number];
    if (!preset) return;
    this.window = { ...preset };
    this.shade();
  }

  reset() {
    this.window = this.image.window && { ...this.image.window };
    this.inverted = false;
    this.ruler = null;
    this.centre();
    this.fit();
    this.shade();
    this.moved();
  }

  fit() {
    for (const pane of this.panes) [pane.zoom, pane.shift] = [1, [0, 0]];
    this.redraw();
  }

  zoom(factor) {
    const { canvas } = this.active;
    this.active.zoomAt(canvas.clientWidth / 2, canvas.clientHeight / 2, factor);
    this.redraw();
  }

  invert() { this.inverted = !this.inverted; this.shade(); }

  toggleSingle() {
    if (this.panes.length > 1) document.querySelector("#panes").classList.toggle("single");
    this.panel.state();
    this.redraw();
  }

  toggleCrosshair() { this.crosshair = !this.crosshair; this.panel.state(); this.redraw(); }

  toggleOverlays() { this.overlays = !this.overlays; this.panel.state(); this.redraw(); }

  fade(change) {
    this.opacity = Math.min(1, Math.max(0, this.opacity + change / 100));
    this.panel.state();
    this.redraw();
  }

  choose(tool) {
    if ((tool === "paint" || tool === "erase") && !this.edit) return;
    this.tool = tool;
    this.brushAt = null;
    this.panel.state();
    this.redraw();
  }

  resize(change) {
    this.radius = Math.min(100, Math.max(0.5, change > 0 ? this.radius * 1.25 + 0.1 : this.radius / 1.25));
    this.panel.state();
    this.redraw();
  }

  help() { this.panel.help(); }

  escape() {
    if (this.edit && !this.edit.strokes.done.length) this.endEdit();
    this.ruler = null;
    if (this.tool !== "paint" && this.tool !== "erase") this.tool = "window";
    this.panel?.state();
    this.redraw();
  }

  // ---- a reader's corrections

  async beginEdit() {
    const item = this.item(this.selected);
    if (this.edit || !item?.stands || !["mask", "absence"].includes(item.kind) || item.image !== this.image.id) return;
    const shape = this.image.shape;
    const found = item.kind === "mask" ? await this.outline(item) : null;
    if (item.kind === "mask" && !found) return;
    const mask = found ? found.widened(shape) : new Mask([0, 0, 0, shape[2], shape[1], shape[0]]);
    this.edit = { item, strokes: new Strokes(mask) };
    this.overlays = true;
    this.choose("paint");
    this.panel.editing();
  }

  endEdit() {
    this.edit = null;
    this.tool = "window";
    this.brushAt = null;
    this.panel.editing();
    this.panel.state();
    this.redraw();
  }

  undo(forward) {
    if (!this.edit) return;
    if (forward) this.edit.strokes.redo(); else this.edit.strokes.undo();
    this.panel.state();
    this.redraw();
  }

  async save(reason) {
    const part = this.edit.strokes.mask.trimmed();
    if (!part) { this.panel.tell("The outline is empty. To say that nothing is there, reject it."); return; }
    await this.#send({ action: "correct", evidence: this.edit.item.id, box: part.box, mask: await packed(part), reason });
  }

  async reject(id, reason) { await this.#send({ action: "reject", evidence: id, reason }); }

  async #send(wish) {
    this.panel.busy(true);
    try {
      const answer = await fetch(`${this.base}/corrections`, { method: "POST", body: JSON.stringify(wish),
        headers: { "content-type": "application/json" } });
      const told = await answer.json().catch(() => ({}));
      if (!answer.ok) throw new Error(typeof told.detail === "string" ? told.detail : `It was not taken (error ${answer.status}).`);
      if (this.edit) this.endEdit();
      this.take(told);
      const made = told.corrections.at(-1);
      this.panel.told(made);
      for (const item of told.evidence) if (this.visible(item)) this.outline(item);
      await this.jump(made.new || made.of);
    } catch (error) {
      this.panel.tell(error.message);
    } finally {
      this.panel.busy(false);
    }
  }
}

const viewer = new Viewer();
viewer.open().catch((error) => viewer.panel.tell(error.message, true));
