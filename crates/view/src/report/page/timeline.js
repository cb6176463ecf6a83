// The timeline: how many events there were when, stacked by what they are, with a cursor, zoom and an overview.

const timeline = (() => {
  const plot = byId("plot"), overview = byId("overview"), tip = byId("tip"), legend = byId("legend");
  const edge = { left: 54, right: 8, top: 10, bottom: 24 };
  const groups = [
    { key: "events", label: "Event", list: data.events, name: (entry) => entry.name },
    { key: "processes", label: "Process", list: data.processes, name: processName },
    { key: "cpus", label: "CPU", list: data.cpus, name: (entry) => entry.name },
  ].filter((group) => group.list.some((entry) => entry.sums));
  let group = groups[0];
  let layers = [];
  const hidden = new Set();
  let bright = null;      // The layer that the legend points at.
  let cursor = null;      // A time.
  let dragged = null;     // The other end of what is being chosen.

  // The busiest of the group, and one layer for all the rest.
  function makeLayers() {
    layers = [];
    const rest = allSums.slice();
    const top = group ? group.list.filter((entry) => entry.sums).slice(0, COLORS) : [];
    top.forEach((entry, rank) => {
      layers.push({ name: group.name(entry), sums: entry.sums, color: `c${rank}`, key: `${group.key}/${rank}` });
      for (let i = 0; i <= steps; i++) rest[i] -= entry.sums[i];
    });
    const others = group ? group.list.length - top.length : 0;
    if (rest[steps] > 0.5) {
      const name = others > 0 ? plural(others, "other") : group ? `no ${group.label.toLowerCase()} known` : "events";
      layers.push({ name, sums: rest, color: "other", key: `${group ? group.key : "all"}/rest` });
    }
  }

  const xOf = (time, width) => edge.left + ((time - shown.from) / (shown.to - shown.from)) * (width - edge.left - edge.right);
  const timeOf = (x, width) => shown.from + ((x - edge.left) / (width - edge.left - edge.right)) * (shown.to - shown.from);
  const visible = () => layers.filter((layer) => !hidden.has(layer.key));
  const perSecond = (number, ns) => (data.hasClock ? number / (ns / 1e9) : number / ns);

  // The ends of what one column shows: a pixel, or a step where steps are wider.
  function columns(width) {
    const pixels = Math.max(1, Math.floor(width - edge.left - edge.right));
    const span = shown.to - shown.from;
    const ends = [];
    if (span / step <= pixels / 1.5) {
      ends.push(shown.from);
      for (let i = Math.floor(shown.from / step) + 1; i * step < shown.to; i++) ends.push(i * step);
      ends.push(shown.to);
    } else {
      for (let i = 0; i <= pixels; i++) ends.push(shown.from + (span * i) / pixels);
    }
    return ends;
  }

  function draw() {
    const { context, width, height, color } = canvas(plot);
    const ends = columns(width);
    const drawn = visible();
    const bottom = height - edge.bottom;
    const tops = new Float64Array(ends.length - 1);
    const heights = drawn.map((layer) => {
      const values = new Float64Array(ends.length - 1);
      let before = sumTo(layer.sums, ends[0]);
      for (let i = 0; i + 1 < ends.length; i++) {
        const after = sumTo(layer.sums, ends[i + 1]);
        values[i] = Math.max(0, perSecond(after - before, Math.max(ends[i + 1] - ends[i], 1e-9)));
        tops[i] += values[i];
        before = after;
      }
      return values;
    });
    let most = 0;
    for (const value of tops) most = Math.max(most, value);
    const unit = niceStep(most || 1, Math.max(2, Math.floor((bottom - edge.top) / 48)));
    const ceiling = Math.max(Math.ceil((most || 1) / unit) * unit, unit);
    const yOf = (value) => bottom - (value / ceiling) * (bottom - edge.top);

    context.textBaseline = "middle";
    context.textAlign = "right";
    for (let value = 0; value <= ceiling * 1.001; value += unit) {
      const y = Math.round(yOf(value)) + 0.5;
      context.strokeStyle = color(value === 0 ? "line" : "grid");
      context.beginPath();
      context.moveTo(edge.left, y);
      context.lineTo(width - edge.right, y);
      context.stroke();
      context.fillStyle = color("faint");
      context.fillText(value === 0 ? "0" : data.hasClock ? rate(value) : short(value), edge.left - 7, y);
    }
    const span = shown.to - shown.from;
    // Times are whole numbers, however few there are.
    const tick = Math.max(1, niceStep(span, Math.max(2, Math.floor((width - edge.left) / 110))));
    context.textBaseline = "top";
    for (let time = Math.ceil(shown.from / tick) * tick; time <= shown.to; time += tick) {
      const x = xOf(time, width);
      context.strokeStyle = color("line");
      context.beginPath();
      context.moveTo(Math.round(x) + 0.5, bottom);
      context.lineTo(Math.round(x) + 0.5, bottom + 4);
      context.stroke();
      context.textAlign = x < edge.left + 24 ? "left" : x > width - edge.right - 32 ? "right" : "center";
      context.fillStyle = color("faint");
      context.fillText(offset(time, tick), x, bottom + 8);
    }

    const floors = new Float64Array(ends.length - 1);
    drawn.forEach((layer, number) => {
      context.globalAlpha = bright && bright !== layer.key ? 0.22 : 0.92;
      context.fillStyle = color(layer.color);
      context.beginPath();
      for (let i = 0; i + 1 < ends.length; i++) {
        const value = heights[number][i];
        if (value <= 0) continue;
        const [x, next] = [xOf(ends[i], width), xOf(ends[i + 1], width)];
        const [low, high] = [yOf(floors[i]), yOf(floors[i] + value)];
        context.rect(x, high, Math.max(next - x, 0.7), Math.max(low - high, floors[i] === 0 ? 1 : 0));
        floors[i] += value;
      }
      context.fill();
    });
    context.globalAlpha = 1;

    drawLosses(context, color, width, bottom);
    const line = (time, name, thickness) => {
      const x = Math.round(xOf(time, width)) + 0.5;
      context.strokeStyle = color(name);
      context.lineWidth = thickness;
      context.beginPath();
      context.moveTo(x, edge.top - 6);
      context.lineTo(x, bottom);
      context.stroke();
      context.lineWidth = 1;
    };
    if (dragged !== null && cursor !== null) {
      const [a, b] = [xOf(Math.min(dragged, cursor), width), xOf(Math.max(dragged, cursor), width)];
      context.fillStyle = color("accent");
      context.globalAlpha = 0.14;
      context.fillRect(a, edge.top - 6, b - a, bottom - edge.top + 6);
      context.globalAlpha = 1;
      line(dragged, "accent", 1);
    }
    if (cursor !== null && cursor >= shown.from && cursor <= shown.to) line(cursor, dragged === null ? "soft" : "accent", 1);
    drawOverview();
    say();
  }

  // Losses are red marks along the foot of the chart.
  function drawLosses(context, color, width, bottom) {
    context.fillStyle = color("bad");
    for (const [, , begin, end] of data.losses.list) {
      if (begin === null || end < shown.from || begin > shown.to) continue;
      const [a, b] = [xOf(Math.max(begin, shown.from), width), xOf(Math.min(end, shown.to), width)];
      context.fillRect(a, bottom - 3, Math.max(b - a, 2), 6);
    }
  }

  function drawOverview() {
    const { context, width, height, color } = canvas(overview);
    const inner = width - edge.left - edge.right;
    const pixels = Math.max(1, Math.floor(inner / 2));
    const x = (time) => edge.left + (time / full.to) * inner;
    const values = [];
    let most = 0;
    for (let i = 0; i < pixels; i++) {
      values.push(between(allSums, (full.to * i) / pixels, (full.to * (i + 1)) / pixels));
      most = Math.max(most, values[i]);
    }
    context.fillStyle = color("page");
    context.fillRect(edge.left, 0, inner, height);
    context.fillStyle = color("other");
    values.forEach((value, i) => {
      const tall = value > 0 ? Math.max(1.5, (value / (most || 1)) * (height - 6)) : 0;
      context.fillRect(edge.left + (i * inner) / pixels, height - tall, inner / pixels, tall);
    });
    context.fillStyle = color("bad");
    for (const [, , begin, end] of data.losses.list) {
      if (begin !== null) context.fillRect(x(Math.max(begin, 0)), 0, Math.max(x(end) - x(begin), 1.5), 3);
    }
    if (!isAll()) {
      context.fillStyle = color("card");
      context.globalAlpha = 0.66;
      context.fillRect(edge.left, 0, x(shown.from) - edge.left, height);
      context.fillRect(x(shown.to), 0, edge.left + inner - x(shown.to), height);
      context.globalAlpha = 1;
    }
    context.strokeStyle = color(isAll() ? "line" : "accent");
    context.strokeRect(Math.round(x(shown.from)) + 0.5, 0.5, Math.max(2, Math.round(x(shown.to) - x(shown.from)) - 1), height - 1);
  }

  // What is shown, in words: above the chart, and as the picture's own description.
  function say() {
    const number = Math.round(between(allSums, shown.from, shown.to));
    const span = shown.to - shown.from;
    const what = isAll() ? "Everything" : `${offset(shown.from, span / 100)} to ${offset(shown.to, span / 100)}`;
    const words = `${what}: ${duration(span)}, ${number === data.total ? "" : "about "}${plural(isAll() ? data.total : number, "event")}`;
    if (byId("window").textContent !== words) byId("window").textContent = words;
    plot.setAttribute("aria-label", `Events over time. ${words}. ${visible().map((layer) => `${layer.name}: ${count(Math.round(between(layer.sums, shown.from, shown.to)))}`).join("; ")}`);
    byId("zoom-out").disabled = byId("zoom-all").disabled = isAll();
    byId("zoom-in").disabled = span <= least;
  }

  // What there was at the cursor.
  function column(time) {
    const width = plot.getBoundingClientRect().width;
    const wide = Math.max(step, ((shown.to - shown.from) / Math.max(1, width - edge.left - edge.right)) * 3);
    const from = Math.floor(time / step) * step;
    return wide <= step ? [from, from + step] : [time - wide / 2, time + wide / 2];
  }
  function describe(time) {
    const [from, to] = column(time);
    const found = visible().map((layer) => [layer, between(layer.sums, from, to)]).filter(([, number]) => number >= 0.5);
    found.sort((a, b) => b[1] - a[1]);
    return { from, to, found, number: between(allSums, from, to) };
  }
  function showTip(x) {
    const { from, to, found, number } = describe(cursor);
    const rows = found.slice(0, 7).map(([layer, value]) => el("tr", {},
      el("td", {}, swatch(layer.color), layer.name), el("td", {}, count(Math.round(value)))));
    const losses = data.losses.list.filter(([, , begin, end]) => begin !== null && end >= from && begin <= to);
    const lost = losses.reduce((sum, loss) => sum + (loss[1] || 0), 0);
    tip.replaceChildren(
      el("b", {}, offset(cursor, (shown.to - shown.from) / 1000)), data.hasClock ? ` · ${clock(cursor, 6)}` : "",
      el("div", {}, `${plural(Math.round(number), "event")} in ${duration(to - from)}${data.hasClock ? `, ${rate(perSecond(number, to - from))}` : ""}`),
      losses.length ? el("div", { class: "lost" }, lost ? `${count(lost)} lost around here` : "something lost around here") : "",
      rows.length ? el("table", {}, el("tbody", {}, ...rows)) : "");
    tip.hidden = false;
    const width = plot.getBoundingClientRect().width;
    const own = tip.getBoundingClientRect().width;
    tip.style.left = `${x + 14 + own > width ? Math.max(0, x - 14 - own) : x + 14}px`;
  }
  const swatch = (color) => {
    const element = el("span", { class: "swatch", "aria-hidden": "true" });
    element.style.background = `var(--${color})`;
    return element;
  };

  function drawLegend() {
    legend.replaceChildren(...layers.map((layer) => el("li", {}, el("button", {
      type: "button",
      "aria-pressed": String(!hidden.has(layer.key)),
      title: "Show or hide",
      onclick: (event) => {
        if (hidden.has(layer.key)) hidden.delete(layer.key); else hidden.add(layer.key);
        event.currentTarget.setAttribute("aria-pressed", String(!hidden.has(layer.key)));
        draw();
      },
      onpointerenter: () => { bright = layer.key; draw(); },
      onpointerleave: () => { bright = null; draw(); },
    }, swatch(layer.color), layer.name))));
  }
  function choose(next) {
    group = next;
    makeLayers();
    drawLegend();
    draw();
  }
  byId("group-by").append(...groups.map((one) => el("label", {},
    el("input", { type: "radio", name: "group", value: one.key, checked: one === group, onchange: () => choose(one) }),
    el("span", {}, one.label))));
  byId("group-by").hidden = groups.length < 2;

  // Pointers: over the chart they look, dragged they choose; two fingers stretch, one moves.
  const place = (event) => event.clientX - plot.getBoundingClientRect().left;
  const clamp = (time) => Math.min(Math.max(time, shown.from), shown.to);
  const fingers = new Map();
  let held = null;
  plot.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    const time = timeOf(place(event), plot.clientWidth);
    if (event.pointerType === "touch") {
      fingers.set(event.pointerId, place(event));
      held = { time, from: shown.from, to: shown.to, places: [...fingers.values()] };
    } else {
      plot.setPointerCapture(event.pointerId);
      dragged = cursor = clamp(time);
    }
  });
  plot.addEventListener("pointermove", (event) => {
    const x = place(event);
    if (event.pointerType === "touch" && fingers.has(event.pointerId)) {
      fingers.set(event.pointerId, x);
      const now = [...fingers.values()];
      const width = plot.clientWidth;
      if (now.length === 2 && held.places.length === 2) {
        const [before, after] = [Math.abs(held.places[0] - held.places[1]), Math.abs(now[0] - now[1])];
        const span = (held.to - held.from) * (before / Math.max(after, 10));
        const part = ((held.places[0] + held.places[1]) / 2 - edge.left) / (width - edge.left - edge.right);
        const middle = held.from + part * (held.to - held.from);
        show(middle - span * part, middle + span * (1 - part));
      } else if (now.length === 1 && !isAll()) {
        const by = timeOf(x, width) - held.time;
        show(shown.from - by, shown.to - by);
      }
      return;
    }
    cursor = clamp(timeOf(x, plot.clientWidth));
    draw();
    if (dragged === null) showTip(x); else tip.hidden = true;
  });
  const release = (event) => {
    fingers.delete(event.pointerId);
    if (dragged === null) return;
    const [a, b] = [Math.min(dragged, cursor), Math.max(dragged, cursor)];
    const wide = Math.abs(xOf(a, plot.clientWidth) - xOf(b, plot.clientWidth));
    dragged = null;
    if (event.type === "pointerup" && wide > 5) show(a, b); else draw();
  };
  plot.addEventListener("pointerup", release);
  plot.addEventListener("pointercancel", release);
  plot.addEventListener("pointerleave", () => {
    if (dragged !== null) return;
    cursor = null;
    tip.hidden = true;
    draw();
  });
  plot.addEventListener("dblclick", (event) => zoom(4, clamp(timeOf(place(event), plot.clientWidth))));
  plot.addEventListener("wheel", (event) => {
    // Without a key held the page scrolls, as everywhere.
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      zoom(event.deltaY > 0 ? 1.25 : 0.8, clamp(timeOf(place(event), plot.clientWidth)));
    } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY) && !isAll()) {
      event.preventDefault();
      const by = ((shown.to - shown.from) * event.deltaX) / plot.clientWidth;
      show(shown.from + by, shown.to + by);
    }
  }, { passive: false });

  // Keys.
  plot.addEventListener("keydown", (event) => {
    const span = shown.to - shown.from;
    const move = (by) => {
      if (event.shiftKey) return show(shown.from + by * 12, shown.to + by * 12);
      cursor = clamp((cursor === null || cursor < shown.from || cursor > shown.to ? shown.from + span / 2 : cursor) + by);
      draw();
      showTip(xOf(cursor, plot.clientWidth));
      const { found, number, from, to } = describe(cursor);
      const parts = found.slice(0, 3).map(([layer, value]) => `${layer.name} ${count(Math.round(value))}`);
      byId("spoken").textContent = `${offset(cursor, span / 1000)}: ${plural(Math.round(number), "event")} in ${duration(to - from)}. ${parts.join(", ")}`;
    };
    const keys = {
      ArrowLeft: () => move(-span / 48),
      ArrowRight: () => move(span / 48),
      "+": () => zoom(0.5, cursor === null ? undefined : clamp(cursor)),
      "=": () => zoom(0.5, cursor === null ? undefined : clamp(cursor)),
      "-": () => zoom(2, cursor === null ? undefined : clamp(cursor)),
      0: () => show(full.from, full.to),
      Escape: () => { cursor = null; dragged = null; tip.hidden = true; draw(); },
    };
    const action = keys[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  });
  plot.addEventListener("blur", () => { tip.hidden = true; cursor = null; draw(); });
  byId("zoom-in").addEventListener("click", () => zoom(0.5));
  byId("zoom-out").addEventListener("click", () => zoom(2));
  byId("zoom-all").addEventListener("click", () => show(full.from, full.to));

  // The overview: dragging moves what is shown.
  const overviewTime = (event) => {
    const box = overview.getBoundingClientRect();
    return ((event.clientX - box.left - edge.left) / (box.width - edge.left - edge.right)) * full.to;
  };
  const centre = (time) => {
    const span = shown.to - shown.from;
    show(time - span / 2, time + span / 2);
  };
  overview.addEventListener("pointerdown", (event) => {
    overview.setPointerCapture(event.pointerId);
    if (isAll()) zoom(0.25, Math.min(Math.max(overviewTime(event), 0), full.to)); else centre(overviewTime(event));
  });
  overview.addEventListener("pointermove", (event) => {
    if (event.buttons & 1) centre(overviewTime(event));
  });

  makeLayers();
  drawLegend();
  listeners.push(draw);
  redraws.push(draw);
  new ResizeObserver(draw).observe(plot);
  // Shows a moment: a span around it, and the cursor on it.
  function point(from, to = from) {
    const span = Math.max((to - from) * 3, Math.min(shown.to - shown.from, full.to / 8), least);
    const middle = (from + to) / 2;
    show(middle - span / 2, middle + span / 2);
    cursor = from;
    draw();
    byId("timeline").scrollIntoView({ block: "start" });
    plot.focus({ preventScroll: true });
  }
  return { point, swatch };
})();
