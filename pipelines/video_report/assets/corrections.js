// The reader's own labels and notes, with undo. The browser keeps them between visits, if it may.
const REVIEWS_KEY = `mmemo:${data.name}:${data.duration}:${data.utterances.length}`;
const reviews = new Map(); // utterance number -> { labels, note }
const history = [];

function keepReviews() {
  try {
    localStorage.setItem(REVIEWS_KEY, JSON.stringify([...reviews]));
  } catch {
    // A browser that keeps nothing still lets the reader save a file.
  }
}

// What the browser kept may be of any age and form: only what fits this page is taken.
function keptReviews() {
  try {
    return JSON.parse(localStorage.getItem(REVIEWS_KEY)).filter(([n, { labels, note }]) =>
      n in data.utterances && typeof note === "string" && labels.every((label) => data.labels.includes(label)));
  } catch {
    return [];
  }
}

// Set an utterance's labels and note, or remove them with null.
function review(number, changed) {
  history.push([...reviews]);
  if (changed) reviews.set(number, changed);
  else reviews.delete(number);
  keepReviews();
  emit("review");
}

function undo() {
  const before = history.pop();
  if (!before) return;
  reviews.clear();
  for (const [number, kept] of before) reviews.set(number, kept);
  keepReviews();
  emit("review");
}

const noteOf = (number) => reviews.get(number)?.note || "";
const ownLabels = (number) => reviews.get(number)?.labels ?? data.utterances[number].labels ?? [];

function setLabels(labels) {
  review(state.current, { labels: data.labels.filter((label) => labels.includes(label)), note: noteOf(state.current) });
}

function toggleLabel(label) {
  const labels = ownLabels(state.current);
  setLabels(labels.includes(label) ? labels.filter((other) => other !== label) : [...labels, label]);
}

function drawCorrection() {
  byId("correct").hidden = !data.utterances.length;
  if (!data.utterances.length) return;
  const own = reviews.get(state.current);
  const labels = ownLabels(state.current);
  for (const button of byId("own-labels").children) {
    button.setAttribute("aria-pressed", String(labels.includes(button.textContent)));
  }
  byId("own-state").textContent = own ? `Labelled by you: ${own.labels.join(", ") || "no emotion"}.`
    : "Shown are the model's; not yet looked at by you.";
  byId("confirm").textContent = labels.length ? "Confirm" : "No emotion";
  byId("clear").disabled = !own;
  if (byId("note").value !== noteOf(state.current)) byId("note").value = noteOf(state.current);
}

function drawReviews() {
  byId("reviewed").textContent = `${reviews.size} of ${data.utterances.length} labelled by you`;
  byId("undo").disabled = !history.length;
  for (const id of ["save-csv", "save-json"]) byId(id).disabled = !reviews.size;
  for (const item of byId("transcript").children) {
    const own = reviews.get(Number(item.dataset.utterance));
    item.querySelector(".own").textContent = own
      ? `you: ${own.labels.join(", ") || "no emotion"}${own.note ? ` (${own.note})` : ""}` : "";
  }
  drawCorrection();
}

function prepareCorrections() {
  for (const [number, kept] of keptReviews()) reviews.set(number, kept);
  byId("own-labels").append(...data.labels.map((label) => {
    const button = make("button", { type: "button" }, label);
    button.addEventListener("click", () => toggleLabel(label));
    return button;
  }));
  byId("saving").hidden = !data.utterances.length;
  byId("confirm").addEventListener("click", () => setLabels(ownLabels(state.current)));
  byId("clear").addEventListener("click", () => review(state.current, null));
  byId("undo").addEventListener("click", undo);
  byId("note").addEventListener("change", (event) =>
    review(state.current, { labels: ownLabels(state.current), note: event.target.value.trim() }));
  on("review", drawReviews);
  on("current", drawCorrection);
  drawReviews();
}
