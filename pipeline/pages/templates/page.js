"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const charts = read("charts");
  const font = getComputedStyle(document.body).fontFamily;
  const text = { labelColor: "var(--muted)", titleColor: "var(--muted)", labelFont: font, titleFont: font, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal" };
  const config = {
    background: null, font, view: { stroke: null },
    axis: { ...text, gridColor: "var(--line)", domainColor: "var(--line)", tickColor: "var(--line)", labelLimit: 170 },
    axisQuantitative: { labelFlush: true, labelOverlap: true },
    legend: { ...text, orient: "top", direction: "horizontal", columns: innerWidth < 600 ? 2 : 4, symbolType: "square", offset: 4 },
  };
  // No eval: the page's policy forbids it, so expressions are interpreted.
  // Level 1: errors; what else the library says is of no use to a reader.
  const options = { renderer: "svg", logLevel: 1, actions: false, ast: true, defaultStyle: false, config, tooltip: { disableDefaultStyle: true } };

  async function draw(figure) {
    const place = figure.querySelector(".chart");
    const { spec, rows } = charts[figure.dataset.chart];
    try {
      const drawn = await vegaEmbed(place, { ...spec, datasets: { rows } }, options);
      // The table says what the picture shows; a reader of the screen needs no second reading of it.
      place.querySelector("svg").setAttribute("aria-hidden", "true");
      place.querySelectorAll("[role='graphics-document']").forEach((part) => part.removeAttribute("role"));
      figure.dataset.drawn = "yes";
      return drawn.view;
    } catch (error) {
      place.textContent = "This chart could not be drawn; its numbers are in the table.";
      figure.dataset.drawn = "no";
      throw error;
    }
  }

  const drawing = new Map();
  document.querySelectorAll("figure[data-chart]").forEach((figure) => drawing.set(figure.dataset.chart, draw(figure)));

  const number = (count) => (count === null ? "–" : typeof count === "number" ? count.toLocaleString("en-US") : count);
  const shown = (value) => (value === null ? "none" : value === "*" ? "not told apart" : value);

  function filters() {
    const cube = read("cube");
    const keys = cube.columns.slice(0, -2);
    const value = (row, place) => cube.values[place][row[place]];
    const form = document.getElementById("filters");
    const selects = keys.map((key, place) => {
      const label = document.createElement("label");
      label.append(cube.names[place]);
      const select = document.createElement("select");
      select.name = key;
      select.append(new Option("all", "all"));
      cube.values[place].forEach((word, at) => select.append(new Option(shown(word), String(at))));
      label.append(select);
      form.append(label);
      return select;
    });
    const reset = document.createElement("button");
    reset.type = "button";
    reset.textContent = "Show all";
    form.append(reset);

    async function update() {
      const chosen = selects.map((select) => (select.value === "all" ? null : Number(select.value)));
      const rows = cube.rows.filter((row) => chosen.every((want, place) => want === null || row[place] === want));
      const byReason = new Map();
      const byMonth = new Map();
      let total = 0;
      for (const row of rows) {
        const sessions = row[keys.length];
        const kept = row[keys.length + 1];
        const reason = value(row, 0);
        const decision = cube.decisions[row[0]];
        total += sessions;
        const held = byReason.get(reason) || { decision, sessions: 0, kept: 0 };
        held.sessions += sessions;
        held.kept = kept === null || held.kept === null ? null : held.kept + kept;
        byReason.set(reason, held);
        const month = `${row[3]}\u0000${decision}`;
        byMonth.set(month, (byMonth.get(month) || 0) + sessions);
      }
      const body = document.getElementById("filtered");
      body.replaceChildren(...[...byReason].sort((a, b) => b[1].sessions - a[1].sessions).map(([reason, held]) => {
        const line = document.createElement("tr");
        const head = document.createElement("th");
        head.scope = "row";
        head.textContent = shown(reason);
        line.append(head);
        [held.decision, number(held.sessions), total ? `${((100 * held.sessions) / total).toFixed(1)} %` : "", number(held.kept)].forEach((word, at) => {
          const cell = document.createElement("td");
          cell.textContent = word;
          if (at) cell.className = "n";
          line.append(cell);
        });
        return line;
      }));
      document.getElementById("matched").textContent = `${number(total)} of ${number(cube.total)} sessions`;
      const order = ["eligible", "excluded", "deferred", "quarantined"];
      const points = [...byMonth].map(([key, sessions]) => {
        const [place, decision] = key.split("\u0000");
        return { place: Number(place), value: shown(cube.values[3][place]), decision, rank: order.indexOf(decision), sessions };
      }).sort((a, b) => a.place - b.place || a.rank - b.rank);
      const view = await drawing.get("explore");
      if (view) await view.data("rows", points).resize().runAsync();
      document.getElementById("explore").dataset.matched = String(total);
    }
    selects.forEach((select) => select.addEventListener("change", update));
    reset.addEventListener("click", () => { selects.forEach((select) => { select.value = "all"; }); update(); });
    return update();
  }

  const ready = Promise.allSettled([...drawing.values(), ...(document.getElementById("cube") ? [filters()] : [])]);
  ready.then(() => { document.documentElement.dataset.ready = "yes"; });

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    closed.forEach((part) => { part.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((part) => { part.open = false; }));
})();
