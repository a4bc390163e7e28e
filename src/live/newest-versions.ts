/** More rows than any order has payments; of all payments the ones that changed last. */
const MOST = 10_000;

/** The newest version that is known of each row; of very many rows those that changed last. */
export class NewestVersions {
  readonly #versions = new Map<string, number>();

  get(id: string): number | undefined {
    return this.#versions.get(id);
  }

  set(id: string, version: number): void {
    this.#versions.delete(id); // what was set last stands last
    this.#versions.set(id, version);
    if (this.#versions.size <= MOST) return;
    for (const [oldest] of this.#versions) {
      this.#versions.delete(oldest);
      return;
    }
  }
}
