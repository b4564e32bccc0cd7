/* Feeds every file of the directories given to the fuzz target it is linked with, so that a corpus
 * is also a test where there is no libFuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Larger inputs than this are no seeds: libFuzzer itself stops at 1 MiB by default. */
enum { SEED_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input is handed on in memory of its exact size, so that a read past its end is seen. */
static void replay_bytes(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        abort();
    for (size_t i = 0; i < size; i++)
        exact[i] = data[i];
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 0;
    }
    uint8_t *bytes = malloc(SEED_MAX);
    if (!bytes)
        abort();
    size_t size = fread(bytes, 1, SEED_MAX, file);
    int complete = feof(file) && !ferror(file);
    fclose(file);
    if (complete)
        replay_bytes(bytes, size);
    else
        fprintf(stderr, "%s: unreadable, or more than %d bytes\n", path, SEED_MAX);
    free(bytes);
    return complete;
}

/* Returns how many files were replayed, -1 when one could not be read. */
static long replay_directory(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory) {
        perror(path);
        return -1;
    }
    long count = 0;
    for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory)) {
        char name[4096];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (!replay_file(name)) {
            count = -1;
            break;
        }
        count++;
    }
    closedir(directory);
    return count;
}

int main(int argc, char **argv)
{
    long total = 0;
    for (int i = 1; i < argc; i++) {
        long count = replay_directory(argv[i]);
        if (count < 0)
            return 1;
        total += count;
    }
    printf("%ld inputs replayed\n", total);
    return total > 0 ? 0 : 1;
}
