// Elements, numbers and times.
const data = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg";
const NAMES = { text: "words", audio: "voice", visual: "face" };
const byId = (id) => document.getElementById(id);

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

// Children are elements or text; text never becomes markup.
function make(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function shape(name, attributes, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function clock(seconds) {
  const whole = Math.floor(seconds);
  const hours = Math.floor(whole / 3600);
  const pair = (number) => String(number).padStart(2, "0");
  const short = `${pair(Math.floor(whole / 60) % 60)}:${pair(whole % 60)}`;
  return hours ? `${hours}:${short}` : short;
}

const decimals = (value, digits = 2) => value.toFixed(digits);

// How many times an effect, a difference of log-odds, raises (×) or lowers (÷) the odds.
function timesOdds(effect) {
  const times = Math.exp(Math.abs(effect));
  const size = times < 9.95 ? times.toFixed(1) : String(Math.round(times));
  return (effect < 0 && size !== "1.0" ? "÷" : "×") + size;
}

function textOf(utterance) {
  return utterance.words.map((word) => word[0]).join(" ");
}

function absences(utterance) {
  const reasons = new Map();
  for (const [modality, reason] of Object.entries(utterance.absent)) {
    if (data.modalities.includes(modality)) reasons.set(NAMES[modality] || modality, reason);
  }
  return [...reasons].map(([name, reason]) => `${name} not read: ${reason}`);
}
