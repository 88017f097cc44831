// Elements, times and sizes. Text never becomes markup.
export const byId = (id) => document.getElementById(id);

export function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

// Only if it changes, so that screen readers do not repeat it and the focus stays.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

export function clock(seconds) {
  const whole = Math.round(seconds);
  const pair = (number) => String(number).padStart(2, "0");
  const short = `${Math.floor(whole / 60) % 60}:${pair(whole % 60)}`;
  return whole < 3600 ? short : `${Math.floor(whole / 3600)}:${short.padStart(5, "0")}`;
}

export function duration(seconds) {
  const space = "\u00a0"; // a number and its unit stay on one line
  const minutes = seconds < 60 ? "" : `${Math.floor(seconds / 60)}${space}min `;
  return `${minutes}${Math.floor(seconds % 60)}${space}s`;
}

export function size(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
