/**
 * Which version and configuration of a server to imitate.
 *
 * @param changesets false for an old server, which answers 404 to {@code /changeset}
 * @param singleSignature true for an old server, whose metadata has no {@code signatures}
 * @param maxFetchSize at how many records a changeset is cut, 0 for no limit
 * @param pageSize maximum number of records per page, 0 for no limit
 * @param batchMaxRequests maximum number of requests per batch
 * @param oldSigner true for a signer older than version 26, which checks groups even where no
 *     review is needed
 * @param anyRecordId whether a record id may be any text
 */
record Dialect(
    boolean changesets,
    boolean singleSignature,
    int maxFetchSize,
    int pageSize,
    int batchMaxRequests,
    boolean oldSigner,
    boolean anyRecordId) {}
