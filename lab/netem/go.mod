module cdktf-etcd/lab/netem

go 1.26.8
