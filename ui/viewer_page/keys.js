// What the keyboard and the mouse do: one table, which is also the help.

export function bindings(viewer) {
  const turn = (name) => () => viewer.enlarge(name);
  const table = [
    ["↑ ↓ or mouse wheel", "one slice back or on", { ArrowUp: () => viewer.step(-1), ArrowDown: () => viewer.step(1),
      ArrowLeft: () => viewer.step(-1), ArrowRight: () => viewer.step(1) }],
    ["Page Up, Page Down", "ten slices back or on", { PageUp: () => viewer.step(-10), PageDown: () => viewer.step(10) }],
    ["Home, End", "first, last slice", { Home: () => viewer.step(-Infinity), End: () => viewer.step(Infinity) }],
    ["A, C, S", "axial, coronal, sagittal large", { a: turn("axial"), c: turn("coronal"), s: turn("sagittal") }],
    ["G", "one plane, or all three", { g: () => viewer.toggleSingle() }],
    ["1 to 9", "window presets", Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => [n, () => viewer.preset(n - 1)]))],
    ["0", "window, zoom and place as at first", { 0: () => viewer.reset() }],
    ["W, P, Z, R, M", "left button: window, pan, zoom, ruler, scroll", { w: () => viewer.choose("window"),
      p: () => viewer.choose("pan"), z: () => viewer.choose("zoom"), r: () => viewer.choose("ruler"),
      m: () => viewer.choose("scroll") }],
    ["middle, right button", "pan, zoom", {}],
    ["+ −, Ctrl + wheel", "zoom", { "+": () => viewer.zoom(1.25), "=": () => viewer.zoom(1.25), "-": () => viewer.zoom(0.8) }],
    ["F", "fit to the pane", { f: () => viewer.fit() }],
    ["I", "invert grey", { i: () => viewer.invert() }],
    ["double click, Shift + click", "all planes to this place", {}],
    ["X", "crosshair on or off", { x: () => viewer.toggleCrosshair() }],
    ["O", "overlays on or off", { o: () => viewer.toggleOverlays() }],
    [", and .", "overlay fainter, stronger", { ",": () => viewer.fade(-10), ".": () => viewer.fade(10) }],
    ["N, B", "next, previous evidence", { n: () => viewer.next(1), b: () => viewer.next(-1) }],
    ["E", "correct the selected outline", { e: () => viewer.beginEdit() }],
    ["D, T", "while correcting: draw, erase", { d: () => viewer.choose("paint"), t: () => viewer.choose("erase") }],
    ["[ and ]", "brush smaller, larger", { "[": () => viewer.resize(-1), "]": () => viewer.resize(1) }],
    ["Ctrl + Z, Ctrl + Y", "undo, redo a stroke", {}],
    ["Esc", "leave the tool", { Escape: () => viewer.escape() }],
    ["?", "this help", { "?": () => viewer.help() }],
  ];
  const actions = Object.assign({}, ...table.map(([, , keys]) => keys));
  const press = (event) => {
    const typed = event.target.closest("input:not([type=range]):not([type=checkbox]), textarea, select, dialog");
    if (typed || event.altKey || event.metaKey) return;
    if (event.ctrlKey) {
      const key = event.key.toLowerCase();
      if (key === "z" || key === "y") {
        event.preventDefault();
        viewer.undo(key === "y" || event.shiftKey);
      }
      return;
    }
    // A focused slider or list keeps its own arrow keys.
    if (event.target.matches("input[type=range]") && /^(Arrow|Page|Home|End)/.test(event.key)) return;
    const action = actions[event.key] || actions[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  };
  return { table, press };
}
