

/** Figures of that container, and what attaching to it brings; it is removed. */
export 