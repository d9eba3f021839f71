#!/bin/sh
# The picture of the Clusters page in the README: particles with known states, a small OPUS-DSD job.
# Usage: scripts/clusters_picture.sh BIN FOLDER   (BIN holds conformix and python; some minutes, once)
set -eu
bin=$1
folder=$2
data=$folder/data
if [ ! -d "$folder/job/clusters/kmeans4" ]; then
    "$bin/conformix" simulate adk-states "$data" --particles 2000 --box 48 --snr 0.1
    "$bin/conformix" new "$folder/job" --method opusdsd --preset quick --particles "$data/particles.star" \
        --consensus "$data/consensus.mrc" --mask "$data/mask.mrc"
    "$bin/conformix" train "$folder/job"
    "$bin/conformix" clusters "$folder/job" -k 4 --truth "$data/labels.npy" --reconstruct
fi
xvfb-run -a -s "-screen 0 1600x1000x24" \
    "$bin/python" -m napari_conformix.widgets --screenshots "$folder/pictures" "$folder/job"
