// Uploads, one after the other; those that wait exist in this page only.
import { announce, cancel, send } from "./api.js";

let latest = 0;

export class Uploads {
  constructor(changed, refused) {
    this.waiting = [];
    this.current = null;
    this.changed = changed;
    this.refused = refused;
  }

  add(recordings) {
    for (const held of recordings) this.waiting.push({ ...held, key: `local-${latest += 1}` });
    this.changed();
    this.run();
  }

  // What the server does not list yet.
  unlisted(ids) {
    const current = this.current && !ids.has(this.current.id) ? [this.current] : [];
    return [...current, ...this.waiting];
  }

  withdraw(key) {
    if (this.current?.key === key) this.current.withdrawn = true;
    this.waiting = this.waiting.filter((held) => held.key !== key);
    this.changed();
  }

  // Whether leaving the page would lose something.
  get busy() {
    return this.current !== null || this.waiting.length > 0;
  }

  shareOf(id) {
    return this.current?.id === id ? this.current.share : null;
  }

  async stop(id) {
    await cancel(id).catch(() => {});
    if (this.current?.id === id) this.current.stop();
  }

  async run() {
    if (this.current) return;
    while (this.waiting.length) {
      this.current = { ...this.waiting.shift(), id: null, share: 0, stop: () => {} };
      await this.upload(this.current);
      this.current = null;
      this.changed();
    }
  }

  async upload(held) {
    try {
      const { file, transcript } = held;
      const announced = await announce({ name: file.name, size: file.size, transcript: transcript?.name ?? null });
      held.id = announced.id;
      if (held.withdrawn) { await this.stop(held.id); return; }
      this.changed();
      if (transcript) await this.part(held, "transcript", transcript);
      await this.part(held, "media", file);
    } catch (error) {
      // What was announced is listed with its reason; what was not has no other place to say it.
      if (held.id === null) this.refused(withName(held.file.name, error.message));
    }
  }

  async part(held, part, file) {
    const sending = send(held.id, part, file, (share) => {
      if (part !== "media") return;
      held.share = share;
      this.changed();
    });
    held.stop = sending.stop;
    await sending.ended;
  }
}

function withName(name, line) {
  return line.startsWith(name) ? line : `${name}: ${line}`;
}
