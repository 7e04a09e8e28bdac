

/** Images brought here and away. */
export 