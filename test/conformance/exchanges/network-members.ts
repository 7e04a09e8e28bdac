

/** Containers in the networks, and the end of both. */
export 