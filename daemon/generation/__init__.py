"""The way of a post: seen, wished for, generated, uploaded.

What happens when a request that changes something outside was carried out and its
answer did not arrive (a dropped connection, a crash, a power cut)::

    request                    on record before it      when its answer is lost
    -------------------------  -----------------------  -------------------------------
    order, answered at once    attempt, price, file     ends `unknown` or `timeout`,
      (draw.begin)             name, budget             counted as paid; asked again at
                                                        most twice (choose.never)
    order with a job id        the same, and the id     the id is asked again, once
      (draw.commit_remote)     before the next look     before any deadline (take_up)
    cancelling a remote job    the attempt              not repeated; the attempt stays
      (Studio.cancel)                                   counted as paid
    fetching a finished file   its address, or the id   fetched again; gone: lost, and
      (results.fetched)        that leads to it         no breaker moves
    putting an image on the    the file here, under     put again; what is there
      store (Store.share)      the attempt's name       already is read and compared,
                                                        and only then recorded
    un-tick, Waiting, Failed   the job's `owed`         owed until confirmed; read
      (debts.pay)                                       before it is repeated
    announcing an upload       nothing                  an empty upload, which expires
      (uploads.create)                                  by itself; announced anew
    sending its bytes          the upload's id          looked up: uploaded is used,
      (uploads.send)                                    pending sent again, else anew
    attaching it to the page   the upload's id          the page is read: if it shows
      (upload._attach)                                  our file the job is done, else
                                                        the same write again (absolute
                                                        values, so it may be repeated)

`tests/crash` dies before and after each of them, found by running the code.
"""
