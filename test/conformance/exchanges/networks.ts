

/** Networks: made, looked at and listed. */
export 