

/** Ending, awaiting, removing and pruning containers. */
export 