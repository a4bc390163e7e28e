/**
 * Runs in a page before its scripts: what React Native doesn't have is gone, and WebSocket has the shape of React Native's. Its
 * events are bare objects (no `wasClean`, no Event); a failed network is an `error`, then a `close` with 1006.
 * Source: React Native, "Networking" and Libraries/WebSocket.
 */
export const beNative = () => {
  const Browsers = globalThis.WebSocket;
  const opened = [];

  class NativeWebSocket {
    static CONNECTING = 0;
    static OPEN = 1;
    static CLOSING = 2;
    static CLOSED = 3;
    readyState = 0;
    protocol = undefined;
    #listeners = new Map();
    #socket;

    constructor(url, protocols, options = {}) {
      if (typeof url !== 'string') throw new TypeError('url must be a string');
      if (Object.keys(options).some((name) => name !== 'headers')) throw new TypeError('unknown option');
      const names = typeof protocols === 'string' ? [protocols] : Array.isArray(protocols) ? protocols : [];
      const socket = new Browsers(url, names);
      this.#socket = socket;
      opened.push(this);
      socket.onopen = () => {
        this.readyState = 1;
        this.protocol = socket.protocol;
        this.#tell({ type: 'open' });
      };
      socket.onmessage = ({ data }) => this.#tell({ type: 'message', data });
      socket.onclose = ({ code, reason }) => {
        this.readyState = 3;
        this.#tell({ type: 'close', code, reason });
      };
    }

    #tell(event) {
      if (event.type === 'close' || event.type === 'error') this.#socket.onclose = null;
      this[`on${event.type}`]?.(event);
      for (const listener of this.#listeners.get(event.type) ?? []) listener(event);
    }

    addEventListener(type, listener) {
      this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
    }

    removeEventListener(type, listener) {
      this.#listeners.set(
        type,
        (this.#listeners.get(type) ?? []).filter((known) => known !== listener),
      );
    }

    send(data) {
      if (this.readyState === 0) throw new Error('INVALID_STATE_ERR');
      if (typeof data !== 'string') throw new Error('Unsupported data type');
      this.#socket.send(data);
    }

    close(code, reason) {
      if (this.readyState >= 2) return;
      this.readyState = 2;
      this.#socket.close(code, reason);
    }

    /** What the phone does when its network goes. */
    fail() {
      if (this.readyState >= 2) return;
      this.readyState = 3;
      this.#tell({ type: 'error', message: 'Software caused connection abort' });
      this.#tell({ type: 'close', code: 1006, reason: 'Software caused connection abort' });
      this.#socket.close();
    }
  }

  globalThis.WebSocket = NativeWebSocket;
  globalThis.failSockets = () => {
    for (const socket of opened) socket.fail();
  };
  globalThis.openedSockets = () => opened.length;
  Object.defineProperty(globalThis, 'crypto', { value: undefined });
  delete AbortSignal.timeout;
  delete AbortSignal.any;
  const listen = globalThis.addEventListener.bind(globalThis);
  globalThis.addEventListener = (type, ...rest) => {
    if (type !== 'online' && type !== 'offline') listen(type, ...rest);
  };
};
