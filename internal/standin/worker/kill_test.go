package worker_test

func runAsServer() bool { return false }
