

/** Volumes. */
export 