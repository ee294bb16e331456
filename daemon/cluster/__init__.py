"""Several daemons on one database: membership, leader, leases, peers."""
