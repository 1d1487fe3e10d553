// A chart in which one can look closer: the same numbers drawn by uPlot in place of the drawing that came with the page.
// What is marked with the pointer becomes the time of the page, so that the address says what is seen.
"use strict";

(() => {
  const short = (number) => String(Number(number.toPrecision(3)));
  const duration = (us) => {
    if (us === null || us === undefined) return "–";
    if (us < 1000) return `${Math.round(us)} µs`;
    return us < 1e6 ? `${short(us / 1000)} ms` : `${short(us / 1e6)} s`;
  };
  const two = (number) => String(number).padStart(2, "0");
  const local = (seconds) => {
    const at = new Date(seconds * 1000);
    return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
  };
  const ticks = (_, moments) => {
    const isLong = moments.length > 1 && moments[moments.length - 1] - moments[0] > 3 * 86400;
    const words = isLong ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit", hour12: false };
    return moments.map((seconds) => new Date(seconds * 1000).toLocaleString("en-GB", words));
  };
  const moment = (_, seconds) => (seconds === null ? "–" : local(seconds).replace("T", " "));
  const colour = (name) => {
    const probe = document.createElement("span");
    probe.className = name;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };

  const look = (plot) => {
    if (plot.select.width < 8) return;
    const from = plot.posToVal(plot.select.left, "x");
    const to = plot.posToVal(plot.select.left + plot.select.width, "x");
    if (to - from < 120) return;
    const there = new URL(location.href);
    there.searchParams.delete("range");
    there.searchParams.set("from", local(from));
    there.searchParams.set("to", local(to));
    location.assign(there);
  };

  const draw = (holder) => {
    const said = JSON.parse(holder.dataset.zoom);
    const drawn = holder.querySelector(".plot");
    if (!drawn) return;
    holder.querySelector(".zoomed")?.remove();
    const place = document.createElement("div");
    place.className = "zoomed";
    drawn.after(place);
    drawn.hidden = true;
    const quiet = colour("quiet");
    const line = colour("guide-colour");
    const axis = { stroke: quiet, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    const plot = new uPlot(
      {
        width: place.clientWidth,
        height: 260,
        cursor: { drag: { x: true, y: false } },
        hooks: { setSelect: [look] },
        axes: [{ ...axis, space: 80, values: ticks }, { ...axis, size: 64, values: (_, ticks) => ticks.map(duration) }],
        scales: { y: { range: (_, low, high) => [0, high * 1.05 || 1] } },
        series: [
          { label: "Time", value: moment },
          ...said.series.map((each, number) => ({
            label: each.name,
            stroke: colour(each.tint),
            width: number ? 1.5 : 2.5,
            spanGaps: false,
            value: (_, value) => duration(value),
          })),
        ],
      },
      [said.at, ...said.series.map((each) => each.values)],
      place,
    );
    new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: 260 })).observe(place);
  };

  const drawAll = () => document.querySelectorAll("[data-zoom]").forEach(draw);
  drawAll();
  document.addEventListener("sluicegate:theme", drawAll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
})();
