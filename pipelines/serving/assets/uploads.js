// Uploads one file after another; waiting ones exist in this page only.
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
    for (const recording of recordings) this.waiting.push({ ...recording, key: `local-${latest += 1}` });
    this.changed();
    this.run();
  }

  // Uploads that the server does not list yet.
  unlisted(ids) {
    const current = this.current && !ids.has(this.current.id) ? [this.current] : [];
    return [...current, ...this.waiting];
  }

  withdraw(key) {
    if (this.current?.key === key) this.current.withdrawn = true;
    this.waiting = this.waiting.filter((upload) => upload.key !== key);
    this.changed();
  }

  // Whether leaving the page would lose an upload.
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

  async upload(recording) {
    try {
      const { file, transcript } = recording;
      const announced = await announce({ name: file.name, size: file.size, transcript: transcript?.name ?? null });
      recording.id = announced.id;
      if (recording.withdrawn) { await this.stop(recording.id); return; }
      this.changed();
      if (transcript) await this.part(recording, "transcript", transcript);
      await this.part(recording, "media", file);
    } catch (error) {
      // The list shows the reason of an announced recording; others need a message.
      if (recording.id === null) this.refused(withName(recording.file.name, error.message));
    }
  }

  async part(recording, part, file) {
    const sending = send(recording.id, part, file, (share) => {
      if (part !== "media") return;
      recording.share = share;
      this.changed();
    });
    recording.stop = sending.stop;
    await sending.ended;
  }
}

function withName(name, line) {
  return line.startsWith(name) ? line : `${name}: ${line}`;
}
