// Search without a server: a browser starts no worker for a page that lies in a folder (file://). Here a hidden frame runs the
// worker's script instead. The theme asks for `IFrameWorker` in the window above to find its own files.
(function () {
  if (location.protocol !== "file:") return;

  const load = (frame, url) =>
    new Promise((done, failed) => {
      const script = frame.document.createElement("script");
      script.src = url;
      script.onload = done;
      script.onerror = () => failed(new Error("cannot load " + url));
      frame.document.head.appendChild(script);
    });

  class IFrameWorker extends EventTarget {
    constructor(url) {
      super();
      const element = document.createElement("iframe");
      element.hidden = true;
      document.body.appendChild(element);
      this.frame = element.contentWindow;
      this.frame.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      this.frame.importScripts = (...urls) =>
        urls.reduce((before, one) => before.then(() => load(this.frame, one)), Promise.resolve());
      this.ready = load(this.frame, new URL(url, document.baseURI).href);
    }

    postMessage(data) {
      this.ready.then(() => this.frame.dispatchEvent(new MessageEvent("message", { data })));
    }

    terminate() {
      this.frame.frameElement.remove();
    }
  }

  window.IFrameWorker = window.Worker = IFrameWorker;
})();
