// A chart in which one can look closer: the same numbers drawn by uPlot in place of the drawing that came with the page,
// once somebody asks for it. What is marked with the pointer becomes the time of the page, so that the address says what
// is seen. All words are those of the page: the legend is the page's own, and says what is under the pointer.
"use strict";

(() => {
  const ASKED = "#zoom";
  const HEIGHT = 260;
  const two = (number) => String(number).padStart(2, "0");
  const local = (seconds) => {
    const at = new Date(seconds * 1000);
    return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
  };
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
    there.hash = ASKED;
    location.assign(there);
  };

  const tell = (holder, said, place) => {
    const known = place !== null && place !== undefined;
    holder.querySelector("[data-zoom-at]").textContent = known ? said.labels[place] : "";
    holder.querySelectorAll(".legend .total").forEach((each, number) => {
      each.textContent = known ? said.series[number].words[place] : "";
    });
  };

  const axis = (marks, more) => ({
    stroke: colour("quiet"),
    grid: { stroke: colour("guide-colour"), width: 1 },
    ticks: { show: false },
    font: `12px ${getComputedStyle(document.body).fontFamily}`,
    splits: () => marks.map(([at]) => at),
    values: () => marks.map(([, word]) => word),
    ...more,
  });

  // What was changed stands across, as in the drawing that came with the page.
  const sign = (plot, moments) => {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.strokeStyle = colour("quiet");
    ctx.setLineDash([3, 2]);
    ctx.beginPath();
    for (const moment of moments) {
      const x = plot.valToPos(moment, "x", true);
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
    }
    ctx.stroke();
    ctx.restore();
  };

  const drawn = new Map();
  const draw = (holder) => {
    const said = JSON.parse(holder.dataset.zoom);
    const picture = holder.querySelector(".plot");
    drawn.get(holder)?.();
    const place = document.createElement("div");
    place.className = "zoomed";
    picture.after(place);
    picture.hidden = true;
    const plot = new uPlot(
      {
        width: place.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { drag: { x: true, y: false } },
        hooks: {
          draw: [(made) => sign(made, said.signs)],
          setSelect: [look],
          setCursor: [({ cursor }) => tell(holder, said, cursor.idx)],
        },
        axes: [axis(said.ticks, { align: 1, size: 28 }), axis(said.levels, { size: 80 })],
        padding: [8, 8, 0, 0],
        scales: {
          x: { time: false, range: () => [said.since, said.until] },
          y: { range: () => [0, said.top] },
        },
        series: [
          {},
          ...said.series.map((each, number) => ({
            stroke: colour(each.tint), width: number ? 1.5 : 2.5, spanGaps: false, points: { size: 5 },
          })),
        ],
      },
      [said.at, ...said.series.map((each) => each.values)],
      place,
    );
    const follower = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT }));
    follower.observe(place);
    drawn.set(holder, () => {
      follower.disconnect();
      plot.destroy();
      place.remove();
    });
  };

  const load = (element) => new Promise((resolve, reject) => {
    element.addEventListener("load", resolve);
    element.addEventListener("error", reject);
    document.head.append(element);
  });
  let loading = null;
  const loaded = ({ zoomScript, zoomStyle }) => {
    loading ??= Promise.all([
      load(Object.assign(document.createElement("script"), { src: zoomScript })),
      load(Object.assign(document.createElement("link"), { rel: "stylesheet", href: zoomStyle })),
    ]).catch((error) => {
      loading = null; // whoever presses again may have better luck
      throw error;
    });
    return loading;
  };

  const open = async (holder, button) => {
    button.disabled = true;
    try {
      await loaded(holder.dataset);
      draw(holder);
      button.hidden = true;
      holder.querySelector("[data-zoom-help]").hidden = false;
    } finally {
      button.disabled = false;
    }
  };

  for (const holder of document.querySelectorAll("[data-zoom]")) {
    const button = holder.querySelector("[data-zoom-open]");
    if (!button) continue;
    button.hidden = false;
    button.addEventListener("click", () => open(holder, button));
    if (location.hash === ASKED) open(holder, button);
  }
  const again = () => [...drawn.keys()].forEach(draw);
  document.addEventListener("sluicegate:theme", again);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
})();
