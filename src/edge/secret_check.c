/* One comparison in constant time, off the loop. */
#include "secret_check.h"

#include "culvert/base/digest.h"
#include "culvert/store/tunnels.h"

struct secret_check {
    struct job job;
    struct database *db;
    struct uuid tunnel_id;
    struct buf account;
    struct buf secret;
    enum secret_verdict verdict;
    struct error why;
    void (*done)(void *arg, enum secret_verdict verdict,
                 const struct error *why); /* NULL: forgotten */
    void *arg;
};

static void destroy(struct secret_check *check)
{
    buf_release(&check->account);
    buf_wipe(&check->secret);
    free(check);
}

static void run(struct job *job)
{
    struct secret_check *check = CONTAINER_OF(job, struct secret_check, job);
    struct buf stored = BUF_LIMIT(STORE_TUNNEL_SECRET_MAX);
    enum store_result result = store_tunnels_secret(check->db, buf_span(&check->account),
                                                    &check->tunnel_id, &stored, &check->why);
    if (result == STORE_FAILED)
        check->verdict = SECRET_UNKNOWN;
    else if (result == STORE_OK && digest_equal(buf_span(&stored), buf_span(&check->secret)))
        check->verdict = SECRET_FITS;
    else
        check->verdict = SECRET_WRONG;
    buf_wipe(&stored);
}

static void done(struct job *job, bool cancelled)
{
    struct secret_check *check = CONTAINER_OF(job, struct secret_check, job);
    if (check->done && !cancelled)
        check->done(check->arg, check->verdict, &check->why);
    destroy(check);
}

struct secret_check *secret_check_start(
    struct jobs *store_jobs, struct database *db, const struct registration_params *params,
    void (*told)(void *arg, enum secret_verdict verdict, const struct error *why), void *arg)
{
    struct secret_check *check = calloc(1, sizeof *check);
    if (!check)
        return NULL;
    check->job.run = run;
    check->job.done = done;
    check->db = db;
    check->tunnel_id = params->tunnel_id;
    check->account.limit = STORE_ID_SIZE;
    check->secret.limit = STORE_TUNNEL_SECRET_MAX;
    check->done = told;
    check->arg = arg;
    /* What is too long is no account and no secret of ours: left empty, it fits nothing. */
    if (!buf_put_span(&check->account, params->account_tag) ||
        !buf_put_span(&check->secret, params->tunnel_secret))
        buf_clear(&check->account);
    if (jobs_post(store_jobs, &check->job))
        return check;
    destroy(check);
    return NULL;
}

void secret_check_forget(struct secret_check *check)
{
    if (check)
        check->done = NULL;
}
