// Face and voice, frame by frame: groups of lanes that fold away.
const anyKnown = (values) => values.some((value) => value !== null);

function voiceLanes() {
  const { pitch, loudness } = data.tracks;
  return [
    anyKnown(loudness) ? { kind: "loudness", height: LANE.voice, name: "energy", range: "−60–0 dB" } : null,
    anyKnown(pitch) ? { kind: "pitch", height: LANE.voice, name: "pitch (F0)", range: "60–500 Hz" } : null,
  ].filter(Boolean);
}

function unitLanes() {
  return data.tracks.face.filter((track) => view.allUnits || FEW_UNITS.includes(track.unit))
    .map((track) => ({ kind: "face", height: LANE.face, name: track.unit, more: track.name, track }));
}

// The face is open where there is room for it beside the emotions.
const tracks = [
  { name: "Face", lanes: expressionLanes, open: window.innerWidth > PHONE_PX && window.innerHeight >= 800 },
  { name: "Voice", lanes: voiceLanes, open: false },
  { name: "Action units", lanes: unitLanes, open: false },
];

function trackButton(group) {
  const button = make("button", { type: "button", "aria-pressed": String(group.open) }, group.name);
  button.addEventListener("click", () => {
    group.open = !group.open;
    button.setAttribute("aria-pressed", String(group.open));
    drawTimeline();
  });
  return button;
}

function prepareTracks() {
  byId("tracks").append(...tracks.filter((group) => group.lanes().length).map(trackButton));
}
