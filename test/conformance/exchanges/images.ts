

/** Images: listed, looked at, named and removed. */
export 