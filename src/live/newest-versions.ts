/** More rows than any order has payments; of all payments the ones that changed last. */
const MOST = 10_000;

/** The newest version that is known of each row; of very many rows those that changed last. One row, as most have, needs no map. */
export class NewestVersions {
  #id: string | undefined;
  #version = 0;
  #others: Map<string, number> | undefined;

  get(id: string): number | undefined {
    return id === this.#id ? this.#version : this.#others?.get(id);
  }

  set(id: string, version: number): void {
    this.#id ??= id;
    if (id === this.#id) {
      this.#version = version;
      return;
    }
    this.#others ??= new Map();
    this.#others.delete(id); // what was set last stands last
    this.#others.set(id, version);
    if (this.#others.size <= MOST) return;
    for (const [oldest] of this.#others) {
      this.#others.delete(oldest);
      return;
    }
  }
}
