/**
 * What kind of server it is.
 *
 * @param changesets false: an old one that answers 404 to {@code /changeset}
 * @param singleSignature true: an old one that has no {@code signatures}
 * @param pageSize most records of one page, 0 for no limit
 * @param batchMaxRequests most requests of one batch
 * @param anyRecordId true: one whose records may have any text as their id
 */
record Dialect(
    boolean changesets,
    boolean singleSignature,
    int pageSize,
    int batchMaxRequests,
    boolean anyRecordId) {}
