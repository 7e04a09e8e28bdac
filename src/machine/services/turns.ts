/** Runs what is asked under one name one after another, in the order asked. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Rejects as `task` does, which keeps nobody after it from their turn. */
  async run(name: string, task: () => Promise<void>): Promise<void> {
    const turn = (this.#last.get(name) ?? Promise.resolve()).then(task);
    const isOver = turn.catch(() => undefined);
    this.#last.set(name, isOver);
    await turn;
  }
}
