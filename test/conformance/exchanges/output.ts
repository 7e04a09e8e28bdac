

/** What containers say: their logs. */
export 