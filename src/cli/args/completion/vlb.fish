# Completion of vlb for fish: vlb completion fish | source

function __vlb_candidates
    set -l words (commandline -opc)
    set -l current (commandline -ct)

    # fish replaces the whole token, also of --last=20_app.
    set -l prefix (string match -r -- '^--[^=]+=' "$current")

    # Each line is a word and, after a tab, its meaning; the first may name what fish itself should complete.
    for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path (string replace -- "$prefix" '' "$current")
            case ':directories'
                __fish_complete_directories (string replace -- "$prefix" '' "$current") ''
            case '*'
                printf '%s%s\n' "$prefix" $line
        end
    end
end

complete -c vlb -f -a '(__vlb_candidates)'
