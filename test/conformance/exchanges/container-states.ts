

/** Watching, holding and renaming containers, and changing their limits. */
export 