// How to read the page: only what is on it.
const KEYS = "↑ and ↓ utterance before and after; ← and → word before and after; Home and End first and last "
  + "utterance; Space plays and pauses; digits choose the emotion. They work in the timeline and in the "
  + "transcript; Tab leads there.";

function notes() {
  const some = (test) => data.utterances.some(test);
  const { tracks } = data;
  return [
    [some((u) => u.probs), "Filled: the probability of the emotion in the utterance. Click to jump."],
    [some((u) => u.low?.some((v) => v !== null)), "Darker band around its end: how far the answer depends on single "
      + "moments (two standard errors when a tenth at a time is left out, delete-a-group jackknife). It does not "
      + "include the model's own errors."],
    [some((u) => u.cuts?.some((v) => v !== null)), "Dashes: the threshold. An emotion that reaches it is predicted."],
    [some((u) => u.labels?.length), "A dot marks a predicted emotion"
      + (some((u) => u.reliability === "possible" && u.labels?.length) ? ", a ring one that is only possible." : ".")],
    [some((u) => u.usual), "Short line below a bar: how often viewers named the emotion where the model learned it."],
    [some((u) => u.effects), "Effect on the odds: how the odds of the emotion change through the words, the voice or the "
      + "face. Each is hidden in the whole recording and the rest is read again. ×2 doubles the odds, ÷2 halves them. "
      + "The files give the natural logarithm."],
    [tracks.expressions.length, "Face: the probability of seven expressions in each frame; gaps have no face."],
    [tracks.face.length, "Action units: evidence for (up) and against (down), log10 odds; gaps have no face."],
    [some(() => true), "Your labels: change the emotions of an utterance, or confirm those of the model, and save the "
      + "file. The page changes nothing of the recording; this browser keeps your labels until you remove them."],
    [true, `Keys: ${KEYS}`],
  ].filter(([there]) => there).map(([, text]) => text);
}

function prepareHelp() {
  byId("notes").append(...notes().map((text) => make("li", {}, text)));
}
