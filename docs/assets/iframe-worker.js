// Search in a site that is opened from the disk, where browsers allow no Worker: a hidden frame runs
// the same script instead, with the few functions of a Worker that the search uses. Elsewhere this
// file does nothing.
if (location.protocol === "file:") {
  const load = (document, url) =>
    new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = url;
      script.onload = done;
      script.onerror = failed;
      document.head.append(script);
    });

  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      const inside = frame.contentWindow;
      inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      inside.importScripts = (...urls) =>
        Promise.all(urls.map((each) => load(inside.document, new URL(each, url).href)));
      this.inside = inside;
      this.ready = load(inside.document, url);
    }

    postMessage(data) {
      this.ready.then(() => this.inside.dispatchEvent(new MessageEvent("message", { data })));
    }
  };
}
