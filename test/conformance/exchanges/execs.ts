

/** Programs run in a container, and its figures. */
export 