"use strict";
// What the reader can do with the page: choose, toggle and zoom curves, walk through pictures, sort tables.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`)?.value;
  const isDark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const isNarrow = () => innerWidth < 640;

  function plotConfig() {
    return {
      responsive: true,
      displaylogo: false,
      modeBarButtons: [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]],
      toImageButtonOptions: { format: "svg", filename: data.name },
    };
  }

  function baseLayout() {
    return {
      paper_bgcolor: colour("--ground"),
      plot_bgcolor: colour("--ground"),
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: colour("--ink") },
      hoverlabel: { bgcolor: colour("--raised"), bordercolor: colour("--line"), font: { color: colour("--ink") }, namelength: -1, align: "left" },
      modebar: { color: colour("--soft"), activecolor: colour("--accent"), bgcolor: "rgba(0,0,0,0)" },
      showlegend: false,
      // A finger scrolls the page; the tools of the chart zoom it.
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
    };
  }

  function axis(title, more) {
    return {
      title: { text: title, standoff: 10 },
      gridcolor: colour("--line"),
      linecolor: colour("--soft"),
      tickcolor: colour("--line"),
      ticks: "outside",
      ticklen: 4,
      showline: true,
      zeroline: false,
      automargin: true,
      ...more,
    };
  }

  // ---- Curves

  const hidden = new Set();
  const hasPlace = (value, log) => value !== null && (!log || value > 0);

  function currentChart() {
    const first = data.charts[0];
    const x = chosen("x") ?? first.x;
    const y = chosen("y") ?? first.y;
    return data.charts.find((chart) => chart.x === x && chart.y === y) ?? first;
  }

  function span(values, log, room) {
    if (!values.length) return undefined;
    const low = Math.min(...values);
    const high = Math.max(...values);
    if (log) return [Math.log10(low * 0.7), Math.log10(high * 1.4)];
    const margin = room * (high - low) || 0.05 * Math.abs(high) || 1;
    return [low - margin, high + margin];
  }

  /** The outline of each stretch of an interval that spans two points or more; lone ones become bars. */
  function bandOf(curve, xLog, yLog, floor) {
    const outline = { x: [], y: [] };
    const bars = { plus: curve.x.map(() => 0), minus: curve.x.map(() => 0), any: false };
    const limits = curve.x.map((x, i) => {
      if (!hasPlace(x, xLog) || !hasPlace(curve.y[i], yLog) || curve.low[i] === null) return null;
      return { x, low: yLog ? Math.max(curve.low[i], floor) : curve.low[i], high: curve.high[i], i };
    });
    let stretch = [];
    for (const limit of [...limits, null]) {
      if (limit) {
        stretch.push(limit);
        continue;
      }
      if (stretch.length === 1) {
        const { i, low, high } = stretch[0];
        bars.plus[i] = Math.max(0, high - curve.y[i]);
        bars.minus[i] = Math.max(0, curve.y[i] - low);
        bars.any = true;
      } else if (stretch.length > 1) {
        if (outline.x.length) {
          outline.x.push(null);
          outline.y.push(null);
        }
        const back = [...stretch].reverse();
        outline.x.push(...stretch.map((each) => each.x), ...back.map((each) => each.x), stretch[0].x);
        outline.y.push(...stretch.map((each) => each.high), ...back.map((each) => each.low), stretch[0].high);
      }
      stretch = [];
    }
    return { outline, bars };
  }

  /** Which single MCSs have room for their tag where their line ends. */
  function tagged(curves, xLog, yLog, xRange, yRange) {
    const scaled = (value, log, range) => ((log ? Math.log10(value) : value) - range[0]) / (range[1] - range[0]);
    const taken = [];
    const found = new Set();
    const ends = [];
    curves.forEach((curve, number) => {
      if (curve.role !== "single" || !curve.tag) return;
      const last = curve.y.findLastIndex((y, i) => hasPlace(y, yLog) && hasPlace(curve.x[i], xLog));
      if (last >= 0) ends.push({ number, last, x: scaled(curve.x[last], xLog, xRange), y: scaled(curve.y[last], yLog, yRange) });
    });
    const places = new Set(ends.map((end) => `${end.x} ${end.y}`));
    if (ends.length > 1 && places.size === 1) return new Map();
    for (const end of ends.sort((a, b) => b.y - a.y)) {
      if (taken.some((other) => Math.abs(other.x - end.x) < 0.05 && Math.abs(other.y - end.y) < 0.025)) continue;
      taken.push(end);
      found.add(end);
    }
    return new Map([...found].map((end) => [end.number, end.last]));
  }

  function draw() {
    const chart = currentChart();
    const side = isDark() ? 1 : 0;
    const { xLog } = chart;
    const yLog = byId("log").checked;
    const visible = chart.curves.filter((curve) => !hidden.has(curve.label));
    // Single MCSs lie behind.
    const isSingle = (curve) => curve.role === "single";
    const shown = [...visible.filter(isSingle), ...visible.filter((curve) => !isSingle(curve))];
    const placed = (curve) => curve.x.map((x, i) => [x, curve.y[i]]).filter(([x, y]) => hasPlace(x, xLog) && hasPlace(y, yLog));
    const points = shown.flatMap(placed);
    const xRange = span(points.map(([x]) => x), xLog, 0.03);
    const lines = span(points.map(([, y]) => y), yLog, 0.05);
    const floor = points.length ? Math.min(...points.map(([, y]) => y)) / 10 : 1;
    // Intervals may add to the range, but not flatten the lines.
    const yRange = yLog ? lines : span(points.map(([, y]) => y), false, 0.12);
    const tags = points.length ? tagged(shown, xLog, yLog, xRange, yRange) : new Map();
    const several = shown.some(isSingle);
    const traces = [];
    shown.forEach((curve, number) => {
      const ink = curve.colour[side];
      const y = curve.y.map((value) => (hasPlace(value, yLog) ? value : null));
      const trace = {
        type: "scatter",
        name: curve.label,
        x: curve.x,
        y,
        mode: curve.symbol ? "lines+markers" : "lines",
        customdata: curve.text,
        hovertemplate: several ? `<b>%{fullData.name}</b><br>%{customdata}<br>${chart.xName} %{x}<extra></extra>` : "%{fullData.name}: %{customdata}<extra></extra>",
        line: { color: ink, width: curve.width, dash: curve.dash },
        marker: { symbol: curve.symbol, size: 7, color: ink },
        connectgaps: false,
      };
      if (curve.low) {
        const { outline, bars } = bandOf(curve, xLog, yLog, floor);
        if (outline.x.length)
          traces.push({
            type: "scatter", mode: "lines", x: outline.x, y: outline.y, fill: "toself", hoverinfo: "skip",
            line: { width: 0 }, fillcolor: ink + "2e", name: curve.label,
          });
        if (bars.any) trace.error_y = { type: "data", symmetric: false, array: bars.plus, arrayminus: bars.minus, width: 0, thickness: 5, color: ink + "55" };
      }
      // A point without neighbours is no line.
      const alone = y.map((value, i) => value !== null && y[i - 1] == null && y[i + 1] == null);
      if (!curve.symbol && alone.some(Boolean)) {
        trace.mode = "lines+markers";
        trace.marker = { color: ink, size: alone.map((each) => (each ? 4 : 0)), line: { width: 0 } };
      }
      if (tags.has(number)) {
        trace.mode += "+text";
        trace.text = curve.x.map((_, i) => (i === tags.get(number) ? `\u00a0\u00a0${curve.tag}` : ""));
        trace.textposition = "middle right";
        trace.textfont = { size: 9.5, color: curve.tagColour[side] };
        trace.cliponaxis = false;
      }
      traces.push(trace);
    });
    const ticks = chart.xTicks ? { tickvals: chart.xTicks.values, ticktext: chart.xTicks.texts } : {};
    const spike = { spikecolor: colour("--soft"), spikethickness: 1, spikedash: "dot" };
    const logTicks = { dtick: 1, tickfont: { size: 10.5 }, exponentformat: "power", minor: { ticks: "outside", ticklen: 2 } };
    const layout = {
      ...baseLayout(),
      margin: { l: 56, r: tags.size ? 44 : 14, t: 34, b: 48 },
      hovermode: several ? "closest" : "x unified",
      xaxis: axis(chart.xTitle, { type: xLog ? "log" : "linear", range: xRange, ...ticks, ...spike, hoverformat: ".6~g", unifiedhovertitle: { text: `${chart.xName} %{x}` } }),
      yaxis: axis(chart.yTitle, { type: yLog ? "log" : "linear", range: yRange, ...(yLog ? logTicks : {}) }),
      uirevision: `${chart.x} ${chart.y} ${yLog}`,
    };
    if (!points.length)
      layout.annotations = [{ text: shown.length ? "nothing to show on this axis" : "every curve is hidden", showarrow: false, xref: "paper", yref: "paper", x: 0.5, y: 0.5 }];
    Plotly.react("chart", traces, layout, plotConfig());
    byId("context").textContent = chart.context ? `All curves: ${chart.context}` : "";
    drawLegend(chart, side, yLog);
    const notes = chart.curves.filter((curve) => curve.note && !hidden.has(curve.label));
    byId("chart-notes").replaceChildren(
      ...notes.map((curve) => {
        const line = document.createElement("p");
        line.className = "note";
        line.textContent = `${plain(curve.label)}: ${curve.note}`;
        return line;
      }),
    );
  }

  /** The text of a label that is escaped for Plotly. */
  function plain(label) {
    return new DOMParser().parseFromString(label, "text/html").documentElement.textContent;
  }

  const ORDER = ["main", "overlay", "bound", "single"];

  function drawLegend(chart, side, yLog) {
    const groups = new Map();
    for (const curve of chart.curves) {
      if (!curve.x.some((x, i) => hasPlace(x, chart.xLog) && hasPlace(curve.y[i], yLog))) continue;
      groups.set(curve.label, [...(groups.get(curve.label) ?? []), curve]);
    }
    const sorted = [...groups].sort(([, [a]], [, [b]]) => ORDER.indexOf(a.role) - ORDER.indexOf(b.role));
    const focused = document.activeElement?.dataset?.label;
    byId("legend").replaceChildren(
      ...sorted.map(([label, curves]) => {
        const button = document.createElement("button");
        button.type = "button";
        button.dataset.label = label;
        button.setAttribute("aria-pressed", String(!hidden.has(label)));
        button.append(sample(curves, side), plain(label));
        button.addEventListener("click", (event) => {
          if (event.detail === 2) {
            // The first click of the two has toggled it; now it is alone, or all are back.
            const others = [...groups.keys()].filter((other) => other !== label);
            const alone = others.every((other) => hidden.has(other));
            hidden.clear();
            if (!alone) others.forEach((other) => hidden.add(other));
          } else if (!hidden.delete(label)) hidden.add(label);
          draw();
        });
        return button;
      }),
    );
    if (focused !== undefined) [...byId("legend").children].find((button) => button.dataset.label === focused)?.focus();
  }

  function svg(name, attributes) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  }

  const MARKS = {
    circle: "M15 9a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    square: "M15.5 5.5h7v7h-7z",
    "triangle-up": "M19 4.5l4.5 8h-9z",
    "triangle-down": "M19 13.5l4.5-8h-9z",
    "triangle-left": "M14.5 9l8-4.5v9z",
    diamond: "M19 4l5 5l-5 5l-5-5z",
    cross: "M17.5 4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z",
    x: "M16 4.5l3 3l3-3l1.5 1.5l-3 3l3 3l-1.5 1.5l-3-3l-3 3l-1.5-1.5l3-3l-3-3z",
    star: "M19 3.5l1.5 4h4l-3.200 2.600l1.200 4l-3.5-2.400l-3.5 2.400l1.200-4l-3.200-2.600h4z",
    hexagon: "M19 4l4.300 2.5v5l-4.300 2.5l-4.300-2.5v-5z",
    pentagon: "M19 4l4.800 3.5l-1.800 5.600h-6l-1.800-5.600z",
    bowtie: "M14.5 5v8l9-8v8z",
  };

  /** A piece of the line; of a family of MCSs, of several shades. */
  function sample(curves, side) {
    const picture = svg("svg", { width: 38, height: 18, viewBox: "0 0 38 18", "aria-hidden": "true" });
    const shades = [...new Set([0, 1, 2, 3].map((i) => Math.round((i * (curves.length - 1)) / 3)))];
    shades.forEach((place, i) => {
      const curve = curves[place];
      const step = 36 / shades.length;
      picture.append(
        svg("line", {
          x1: 1 + i * step, x2: 1 + (i + 1) * step - (shades.length > 1 ? 1 : 0), y1: 9, y2: 9,
          stroke: curve.colour[side], "stroke-width": curve.width,
          "stroke-dasharray": curve.dash === "solid" ? "none" : curve.dash.replaceAll("px", ""),
        }),
      );
    });
    const { symbol, colour: inks } = curves[0];
    if (symbol) {
      const open = symbol.endsWith("-open");
      picture.append(
        svg("path", {
          d: MARKS[symbol.replace("-open", "")], stroke: inks[side], "stroke-width": open ? 1.5 : 0,
          fill: open ? colour("--ground") : inks[side],
        }),
      );
    }
    return picture;
  }

  function startCurves() {
    if (!byId("chart")) return;
    const reset = () => {
      byId("log").checked = currentChart().yLog;
      draw();
    };
    for (const input of document.querySelectorAll('input[name="x"], input[name="y"]')) input.addEventListener("change", reset);
    byId("log").addEventListener("change", draw);
    reset();
  }

  // ---- Pictures

  function startPictures() {
    const wall = byId("wall");
    if (!wall) return;
    const slider = byId("snr");
    const snrs = slider?.dataset.values.split(" ");
    const view = { zoom: 1, x: 0, y: 0 };

    function choose() {
      const snr = slider && snrs[Number(slider.value)];
      const wanted = { image: chosen("image"), cbr: chosen("cbr"), snr };
      for (const figure of wall.children)
        figure.hidden = Object.entries(wanted).some(
          ([name, value]) => value !== undefined && figure.dataset[name] !== undefined && figure.dataset[name] !== value,
        );
      if (slider) {
        byId("snr-shown").textContent = `${snr} dB`;
        slider.setAttribute("aria-valuetext", `${snr} dB`);
      }
    }

    function look() {
      // The picture always covers its frame; x and y are shares of it.
      const reach = (view.zoom - 1) / 2;
      view.x = Math.max(-reach, Math.min(reach, view.x));
      view.y = Math.max(-reach, Math.min(reach, view.y));
      wall.style.setProperty("--zoom", view.zoom);
      wall.style.setProperty("--x", `${100 * view.x}%`);
      wall.style.setProperty("--y", `${100 * view.y}%`);
      wall.classList.toggle("zoomed", view.zoom > 1);
      byId("zoom-shown").textContent = `${view.zoom}×`;
      byId("zoom-out").disabled = view.zoom === 1;
      byId("zoom-in").disabled = view.zoom === 8;
    }

    function zoomTo(zoom) {
      view.x *= zoom / view.zoom;
      view.y *= zoom / view.zoom;
      view.zoom = zoom;
      look();
    }

    byId("zoom-in").addEventListener("click", () => zoomTo(Math.min(8, view.zoom * 2)));
    byId("zoom-out").addEventListener("click", () => zoomTo(Math.max(1, view.zoom / 2)));
    wall.addEventListener("dblclick", (event) => {
      if (event.target.closest(".view")) zoomTo(view.zoom === 8 ? 1 : view.zoom * 2);
    });
    let held = null;
    wall.addEventListener("pointerdown", (event) => {
      const frame = event.target.closest(".view");
      if (!frame || view.zoom === 1) return;
      held = { frame, x: event.clientX, y: event.clientY };
      frame.setPointerCapture(event.pointerId);
    });
    wall.addEventListener("pointermove", (event) => {
      if (!held) return;
      view.x += (event.clientX - held.x) / held.frame.clientWidth;
      view.y += (event.clientY - held.y) / held.frame.clientHeight;
      Object.assign(held, { x: event.clientX, y: event.clientY });
      look();
    });
    for (const end of ["pointerup", "pointercancel"]) wall.addEventListener(end, () => (held = null));
    const MOVES = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    wall.addEventListener("keydown", (event) => {
      if (!event.target.closest(".view")) return;
      if (event.key === "+") zoomTo(Math.min(8, view.zoom * 2));
      else if (event.key === "-") zoomTo(Math.max(1, view.zoom / 2));
      else if (MOVES[event.key] && view.zoom > 1) {
        view.x += MOVES[event.key][0] / 10;
        view.y += MOVES[event.key][1] / 10;
        look();
        event.preventDefault();
      }
    });
    slider?.addEventListener("input", choose);
    for (const input of document.querySelectorAll('input[name="image"], input[name="cbr"]')) input.addEventListener("change", choose);
    choose();
    look();
  }

  // ---- Constellations

  const MANY = 256;

  function drawPoints(place) {
    const { points, real, imaginary, share } = data.constellations[Number(place.dataset.number)];
    const all = share.map((_, i) => i);
    const used = all.filter((i) => share[i] > 0).sort((a, b) => share[a] - share[b]);
    const unused = all.filter((i) => share[i] === 0);
    const most = Math.max(...share);
    const reach = 1.12 * Math.max(...real.map(Math.abs), ...imaginary.map(Math.abs));
    const many = points > MANY;
    const room = Math.min(26, 200 / Math.sqrt(points));
    const trace = (chosen, marker) => ({
      type: "scatter", mode: "markers", cliponaxis: false,
      x: chosen.map((i) => real[i]), y: chosen.map((i) => imaginary[i]),
      customdata: chosen.map((i) => share[i]),
      hovertemplate: "%{x:.3f}, %{y:.3f}<br>share %{customdata:.3%}<extra></extra>", marker,
    });
    const shades = many ? used.map((i) => Math.log10(share[i])) : used.map((i) => share[i]);
    const decades = [...Array(12).keys()].map((power) => -power);
    const ticks = many
      ? { tickvals: decades, ticktext: decades.map((power) => `10<sup>${String(power).replace("-", "−")}</sup>`) }
      : { tickformat: ".2~p", nticks: 4 };
    const layout = {
      ...baseLayout(),
      dragmode: false,
      margin: { l: 44, r: 8, t: 8, b: 44 },
      xaxis: axis("in-phase", { range: [-reach, reach], constrain: "domain", zeroline: true, zerolinecolor: colour("--line"), showgrid: false }),
      yaxis: axis("quadrature", { range: [-reach, reach], constrain: "domain", zeroline: true, zerolinecolor: colour("--line"), showgrid: false, scaleanchor: "x" }),
    };
    Plotly.react(place, [
      trace(unused, { size: many ? 2 : 4, color: colour("--soft"), opacity: 0.5 }),
      trace(used, {
        size: many ? Math.max(3, room) : used.map((i) => Math.max(3, room * Math.sqrt(share[i] / most))),
        symbol: many ? "square" : "circle",
        color: shades, cmin: many ? undefined : 0, cmax: many ? undefined : most, colorscale: "Cividis", reversescale: !isDark(), showscale: true,
        colorbar: { thickness: 8, len: 0.9, outlinewidth: 0, title: { text: "share", side: "right" }, ...ticks },
        line: { width: many ? 0 : 0.5, color: colour("--soft") },
      }),
    ], layout, { ...plotConfig(), displayModeBar: false });
    place.dataset.drawn = "";
  }

  function startConstellations() {
    // Thousands of points take a while: each panel is drawn when it comes near.
    const near = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries)
        if (isIntersecting) {
          near.unobserve(target);
          drawPoints(target);
        }
    }, { rootMargin: "300px" });
    for (const place of document.querySelectorAll(".constellation")) near.observe(place);
  }

  // ---- Tables

  function startTables() {
    for (const table of document.querySelectorAll(".sortable"))
      table.tHead.addEventListener("click", (event) => {
        const heading = event.target.closest("th");
        if (heading) sort(table, heading);
      });
    for (const heading of document.querySelectorAll(".sortable thead th")) {
      heading.tabIndex = 0;
      heading.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          sort(heading.closest("table"), heading);
        }
      });
    }
  }

  function sort(table, heading) {
    const down = heading.getAttribute("aria-sort") === "ascending";
    const numeric = heading.classList.contains("number");
    const rows = [...table.tBodies[0].rows].map((row) => [row, row.cells[heading.cellIndex].textContent]);
    const compare = (a, b) => (numeric ? Number(a) - Number(b) : a.localeCompare(b, "en", { numeric: true }));
    // Empty cells stay last either way.
    rows.sort(([, a], [, b]) => (a === "") - (b === "") || (down ? compare(b, a) : compare(a, b)));
    table.tBodies[0].append(...rows.map(([row]) => row));
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  }

  // ---- Theme

  function startTheme() {
    const button = byId("theme");
    function show() {
      button.textContent = isDark() ? "Light" : "Dark";
      button.setAttribute("aria-label", isDark() ? "switch to the light theme" : "switch to the dark theme");
      if (byId("chart")) draw();
      for (const place of document.querySelectorAll(".constellation[data-drawn]")) drawPoints(place);
    }
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      try {
        localStorage.setItem("linksim-theme", root.dataset.theme);
      } catch (error) {
        // Storage may be closed to files; the choice lasts for this visit then.
      }
      show();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
    show();
  }

  startCurves();
  startPictures();
  startConstellations();
  startTables();
  startTheme();
})();
