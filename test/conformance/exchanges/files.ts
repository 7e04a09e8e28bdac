

/** Files of the container that has said something, and an image of it. */
export 