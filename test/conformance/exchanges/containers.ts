

/** Making, starting, listing and looking at containers. */
export 