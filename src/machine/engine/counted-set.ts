/** A set in which what was added twice stays until it has been deleted twice. */
export class CountedSet<T> {
  readonly #counts = new Map<T, number>();

  has(member: T): boolean {
    return this.#counts.has(member);
  }

  add(member: T): void {
    this.#counts.set(member, (this.#counts.get(member) ?? 0) + 1);
  }

  delete(member: T): void {
    const count = (this.#counts.get(member) ?? 0) - 1;
    if (count > 0) this.#counts.set(member, count);
    else this.#counts.delete(member);
  }
}
