// The busiest events, processes and CPUs of what the timeline shows.

{
  const SHOWN = 50;
  function sparkline(entry) {
    const width = 96;
    const points = [];
    let most = 1e-9;
    for (let i = 0; i < width; i++) {
      points.push(between(entry.sums, (full.to * i) / width, (full.to * (i + 1)) / width));
      most = Math.max(most, points[i]);
    }
    const path = points.map((value, i) => `${i ? "L" : "M"}${i},${(17 - (value / most) * 16).toFixed(1)}`).join("");
    return svg("svg", { viewBox: `0 0 ${width - 1} 18`, preserveAspectRatio: "none", "aria-hidden": "true" }, svg("path", { class: "spark", d: path }));
  }
  function list(place, entries, name, color, choose) {
    const items = entries.slice(0, SHOWN).map((entry, rank) => {
      const fill = el("span", { class: "fill", "aria-hidden": "true" });
      const total = el("span", { class: "count" });
      const share = el("span", { class: "share" });
      const spark = choose && entry.sums ? sparkline(entry) : undefined;
      const label = el("span", { class: "name", title: name(entry) }, color ? timeline.swatch(rank < COLORS ? `c${rank}` : "other") : "", name(entry));
      const row = el(choose ? "button" : "div", { class: spark ? "row with-spark" : "row", type: choose ? "button" : undefined, title: choose ? "Show these events in the table" : undefined, onclick: choose ? () => choose(entry) : undefined }, fill, label, spark, total, share);
      return { entry, fill, total, share, item: el("li", {}, row) };
    });
    const more = entries.length > SHOWN ? [el("li", { class: "aside" }, `and ${count(entries.length - SHOWN)} more`)] : [];
    place.replaceChildren(...items.map(({ item }) => item), ...more);
    return () => {
      const all = isAll();
      const values = items.map(({ entry }) => (all ? entry.count : entry.sums ? Math.round(between(entry.sums, shown.from, shown.to)) : null));
      const sum = all ? data.total : between(allSums, shown.from, shown.to);
      const most = Math.max(1, ...values.map((value) => value || 0));
      const order = items.map((_, at) => at);
      if (!all) order.sort((a, b) => (values[b] ?? -1) - (values[a] ?? -1) || a - b);
      items.forEach(({ fill, total, share }, at) => {
        const value = values[at];
        fill.style.width = `${((value || 0) / most) * 100}%`;
        total.textContent = value === null ? "–" : count(value);
        share.textContent = value === null || !sum ? "" : value === 0 ? "0%" : value / sum < 0.001 ? "<0.1%" : `${digits((value / sum) * 100)}%`;
      });
      // Those that were touched last keep their focus.
      const focused = document.activeElement;
      const wanted = order.map((at) => items[at].item);
      if (wanted.some((item, at) => place.children[at] !== item)) {
        wanted.forEach((item, at) => { if (place.children[at] !== item) place.insertBefore(item, place.children[at]); });
        if (place.contains(focused)) focused.focus({ preventScroll: true });
      }
    };
  }
  const updates = [
    list(byId("busy-events"), data.events, (entry) => entry.name, true, (entry) => eventsTable.only(entry.name)),
    list(byId("busy-processes"), data.processes, processName, false),
    list(byId("busy-cpus"), data.cpus, (entry) => entry.name, false),
  ];
  if (!data.processes.length) byId("busy-processes").replaceWith(el("p", { class: "note" }, "Processes were not recorded. Contexts tell them: ", el("code", {}, "--context vpid,procname"), "."));
  if (!data.cpus.length) byId("busy-cpus").replaceWith(el("p", { class: "note" }, "The trace does not tell on which CPUs events were."));
  if (!data.events.length) byId("busy-events").replaceWith(el("p", { class: "note" }, "There is no event in what was taken."));
  const update = () => {
    for (const one of updates) one();
    const note = isAll() ? "" : "in what the timeline shows, about";
    for (const id of ["busy-events-aside", "busy-processes-aside", "busy-cpus-aside"]) byId(id).textContent = note;
  };
  listeners.push(update);
  update();
}
