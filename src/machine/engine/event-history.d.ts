/** Which events a reader wants; nothing of the past unless one of both is given. */
export interface HistoryRange {
    /** Nanoseconds since 1970, inclusive, as is `untilNs`. */
    readonly sinceNs?: bigint;
    readonly untilNs?: bigint;
}
/**
 * Hands events on like an EventBus and keeps the last 256 of them, for readers that ask for what has been.
 *
 * INVARIANT: a reader gets each event once, in the order of `publish`, also those published while it reads
 * what has been.
 */
export declare class EventHistory<T extends {
    readonly timeMs: number;
}> {
    #private;
    /** Readers that listen now. */
    get listeners(): number;
    publish(event: T): void;
    /**
     * What has been in the range, then every event until its end or abort. Listens from this call on. Throws
     * EVENTS_OVERRUN when the reader falls behind by more than 1024 events.
     */
    read(range: HistoryRange, signal: AbortSignal): AsyncGenerator<T, void>;
}
